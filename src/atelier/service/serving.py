"""Running the service: one process that answers, and its workers."""

from __future__ import annotations

from pathlib import Path

import uvicorn

from atelier.errors import TargetError
from atelier.service.app import create_app
from atelier.service.config import Config
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
    """Make the service's folder, which nobody else may look into. Raises TargetError."""
    folder = Path(config.data)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TargetError(f"`data` {folder} cannot be made: {error.strerror or error}") from error
    return config
