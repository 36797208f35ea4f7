"""Running the service: one process that answers, and its workers."""

from __future__ import annotations

from pathlib import Path

import uvicorn
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from atelier.errors import SettingError, TargetError
from atelier.service.app import create_app
from atelier.service.config import Config
from atelier.service.database import connect
from atelier.service.logs import set_up


def run(config: Config) -> None:
    """Serve until told to stop (SIGTERM, Ctrl-C): then answer what is under way, and let the workers finish or put back."""
    set_up()
    prepare(config)
    uvicorn.run(
        create_app(config), host=config.host, port=config.port, log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=15, timeout_graceful_shutdown=5, limit_concurrency=1000, h11_max_incomplete_event_size=32 * 1024,
        proxy_headers=False, ws="none",
    )  # fmt: skip


def prepare(config: Config) -> Config:
    """Make the service's folder, which nobody else may look into; ask its database. Raises TargetError, SettingError."""
    folder = Path(config.data)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TargetError(f"`data` {folder} cannot be made: {error.strerror or error}") from error
    check_database(config.database_url)
    return config


def check_database(url: str) -> None:
    """Raise SettingError where the database does not answer, or is none that is known."""
    try:
        engine = connect(url)
        with engine.connect():
            pass
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise SettingError("database", f"does not answer: {reason}", _shown(url)) from error


def _shown(url: str) -> str:
    """A URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return ""
