"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

import atelier
from atelier.service import described, guard, jobs, lists, metrics
from atelier.service.changes import Changes
from atelier.service.config import Config
from atelier.service.database import migrate
from atelier.service.files import Files
from atelier.service.keys import Keys
from atelier.service.logs import log
from atelier.service.problem import MEDIA, Problem
from atelier.service.store import Store
from atelier.service.supervisor import Supervisor

SWEEP = 30.0
"""Seconds between looks for results whose time is over."""


@dataclass
class Service:
    """What the routes need, at hand: `request.app.state.service`."""

    config: Config
    store: Store
    files: Files
    keys: Keys
    changes: Changes
    meters: metrics.Meters
    supervisor: Supervisor | None = None

    def wake(self) -> None:
        """Say that there is a new job."""
        if self.supervisor is not None:
            self.supervisor.wake()

    @property
    def alive(self) -> int:
        return self.supervisor.alive if self.supervisor else 0


def create_app(config: Config) -> FastAPI:
    """The service. It migrates its database and starts its workers when it starts, and stops them when it ends."""
    app = FastAPI(
        title="atelier", version=atelier.__version__, summary="Photos into paintings", lifespan=_lifespan, docs_url=None, redoc_url=None,
        openapi_url="/v1/openapi.json", separate_input_output_schemas=False,
    )  # fmt: skip
    app.state.config = config
    for router in (jobs.router, lists.router, metrics.router):
        app.include_router(router, prefix="/v1")
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)
    app.add_middleware(guard.Guard, config=config)
    app.openapi = lambda: described.describe(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    config: Config = app.state.config
    bounds = config.bounds
    await run_sync(migrate, config.database_url)
    store = Store(config.database_url, bounds.tries, bounds.keep)
    files = Files(config.files_url, config.storage)
    await run_sync(files.check)
    supervisor = Supervisor(config, store) if config.workers else None
    changes = Changes(store, supervisor.poke if supervisor else None)
    service = Service(config, store, files, Keys(store.engine, config.keys), changes, metrics.Meters(), supervisor)
    app.state.service = service
    if supervisor:
        await run_sync(supervisor.start)
    sweeper = asyncio.create_task(_sweep(service))
    log.info("started", extra={"workers": config.workers, "keys": config.keys})
    try:
        async with changes.watching():
            yield
    finally:
        sweeper.cancel()
        if supervisor:
            await run_sync(supervisor.stop)
        store.engine.dispose()
        log.info("stopped")


async def _sweep(service: Service) -> None:
    """Delete what is over its time."""
    while True:
        try:
            await run_sync(sweep, service.store, service.files)
        except Exception as error:
            log.error("what is old could not be deleted", exc_info=error)
        await asyncio.sleep(SWEEP)


def sweep(store: Store, files: Files) -> None:
    """Put back what no worker holds; delete jobs whose time is over, and their files."""
    store.recover()
    while old := store.expire():
        for job in old:
            files.delete(f"uploads/{job.id}")
            for at in range(1, job.attempt + 1):
                files.delete(f"previews/{job.id}-{at}.jpg")
            if job.result:
                files.delete(job.result)


# What goes wrong ------------------------------------------------------------------------------------------------------


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    headers = {**error.headers, **({"WWW-Authenticate": "Bearer"} if error.status == 401 else {})}
    return JSONResponse(error.body(), error.status, headers, MEDIA)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = Problem(error.status_code, str(error.detail))
    return JSONResponse(answer.body(), error.status_code, getattr(error, "headers", None), MEDIA)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [{"field": ".".join(str(part) for part in each["loc"][1:]), "message": each["msg"]} for each in error.errors()]
    return JSONResponse({**Problem(422, "the request is not valid").body(), "errors": errors}, 422, media_type=MEDIA)


async def _fault(request: Request, error: Exception) -> Response:
    log.error("a fault", extra={"path": request.url.path}, exc_info=error)
    return JSONResponse(Problem(500, "a fault of the service", "it is in the log of the service").body(), 500, guard.HEADERS, MEDIA)
