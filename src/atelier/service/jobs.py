"""Jobs over HTTP: made, looked at, waited for, cancelled; and their results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from atelier.service.access import may
from atelier.service.asked import Asked, Upload, Value, read
from atelier.service.changes import version
from atelier.service.keys import Key
from atelier.service.logs import log
from atelier.service.problem import Problem
from atelier.service.store import CANCELLED, DONE, FAILED, FINAL, QUEUED, Job, error_of, new_id

router = APIRouter(tags=["jobs"])
LONGEST = 30.0
"""Seconds that an answer may be waited for."""
EVENTS = 900.0
"""Seconds that a stream of events lasts; a client that still wants to know comes again."""
FIELDS, PARTS = 200, 64
"""Fields and files that a form may have."""

Id = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The job's id")]
Wait = Annotated[float, Query(ge=0, le=LONGEST, description="Seconds to wait for the job to end")]
State = Literal["queued", "running", "done", "failed", "cancelled"]


class Progressed(BaseModel):
    """How far a job is."""

    stage: str
    step: int
    of: int
    preview: str | None = None


class Failure(BaseModel):
    """Why a job failed."""

    status: int
    title: str
    detail: str
    errors: list[dict[str, str]] = []


class JobShown(BaseModel):
    """A job. before: jobs that wait before it. expires: when its result is deleted. Times are seconds since 1970."""

    id: str
    state: State
    created: float
    started: float | None = None
    finished: float | None = None
    expires: float | None = None
    attempt: int
    before: int | None = None
    progress: Progressed | None = None
    error: Failure | None = None
    result: str | None = None
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    media_type: str | None = None
    seconds: float | None = None


class JobList(BaseModel):
    """Jobs, the newest first. next: the page that follows."""

    jobs: list[JobShown]
    next: str | None = None


def show(job: Job, before: int | None = None) -> JobShown:
    """A job as its owner sees it."""
    record = json.loads(job.progress) if job.progress else None
    progress = None
    if record and job.state == "running":
        preview = f"/v1/jobs/{job.id}/preview?step={record['step']}" if record.get("preview") else None
        progress = Progressed(stage=record["stage"], step=record["step"], of=record["of"], preview=preview)
    return JobShown(
        id=job.id, state=job.state, created=job.created, started=job.started, finished=job.finished, expires=job.expires,
        attempt=job.attempt, before=before, progress=progress, error=Failure(**error_of(job)) if job.error else None,
        result=f"/v1/jobs/{job.id}/result" if job.state == DONE else None, width=job.width, height=job.height, bytes=job.length,
        media_type=job.media, seconds=job.seconds,
    )  # fmt: skip


# Making ---------------------------------------------------------------------------------------------------------------


@router.post("/jobs", status_code=202, response_model=JobShown)
async def add(
    request: Request,
    key: Annotated[Key, Depends(may("write"))],
    idempotency_key: Annotated[str | None, Header(max_length=255, min_length=1)] = None,
) -> Response:
    """Ask for a picture. Answers at once; the job is done later."""
    service = request.app.state.service
    fields = await _fields(request)
    digest = digest_of(fields)
    if idempotency_key and (known := await run_sync(service.store.known, key.id, idempotency_key, digest)):
        return _job(known, 200)
    asked, uploads = await run_sync(read, fields, service.config.bounds)
    job = await run_sync(keep, service, key, asked, uploads, digest, idempotency_key)
    service.wake()
    log.info("added", extra={"job": job.id, "key": key.name})
    return _job(job, 202)


def keep(service: Any, key: Key, asked: Asked, uploads: dict[str, bytes], digest: str, idempotency: str | None) -> Job:
    """Keep the uploads, then the job: whoever takes it finds them. Raises Problem."""
    id, bounds = new_id(), service.config.bounds
    if service.store.counts()[QUEUED] >= bounds.queue:
        raise Problem(429, "the queue is full", "try again later", retry=5)
    try:
        for name, data in uploads.items():
            service.files.put(f"uploads/{id}/{name}", data)
        job: Job = service.store.add(key.id, asked.to_json(), digest, idempotency, queue=bounds.queue, active=key.active, id=id)
    except BaseException:
        service.files.delete(f"uploads/{id}")
        raise
    if job.id != id:  # another request with the same key of idempotency was faster
        service.files.delete(f"uploads/{id}")
    return job


def _job(job: Job, status: int) -> Response:
    body = show(job).model_dump(mode="json")
    return JSONResponse(body, status, {"Location": f"/v1/jobs/{job.id}"})


async def _fields(request: Request) -> list[tuple[str, Value]]:
    """The fields of a form, or of an object in JSON. Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            record = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise Problem(400, "no proper request", "the body is no JSON") from None
        if not isinstance(record, dict):
            raise Problem(422, "this cannot be painted", "the body is an object with fields", "body")
        return [(name, value) for name, value in record.items()]
    if kind not in ("multipart/form-data", "application/x-www-form-urlencoded"):
        raise Problem(415, "no such kind of request", "send multipart/form-data, or application/json")
    try:
        form = await request.form(max_files=PARTS, max_fields=FIELDS, max_part_size=256 * 1024)
    except HTTPException as error:
        raise Problem(400, "no proper request", str(error.detail)) from None
    try:
        return [(name, Upload(name, await value.read()) if isinstance(value, UploadFile) else value) for name, value in form.multi_items()]
    finally:
        await form.close()


def digest_of(fields: list[tuple[str, Value]]) -> str:
    """What tells whether two requests ask for the same."""
    digest = hashlib.sha256()
    for name, value in fields:
        data = value.data if isinstance(value, Upload) else json.dumps(value, sort_keys=True).encode()
        digest.update(f"{len(name)} {name} {len(data)} ".encode() + data)
    return digest.hexdigest()


# Looking --------------------------------------------------------------------------------------------------------------


@router.get("/jobs")
def list_jobs(
    request: Request,
    key: Annotated[Key, Depends(may("read"))],
    state: Annotated[State | None, Query(description="Only jobs in this state")] = None,
    before: Annotated[float | None, Query(ge=0, le=1e12, description="Only jobs created before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobList:
    """The key's jobs, the newest first."""
    found = request.app.state.service.store.page(key.owner, state, before, limit)
    more = f"/v1/jobs?before={found[-1].created!r}&limit={limit}" + (f"&state={state}" if state else "") if len(found) == limit else None
    return JobList(jobs=[show(job) for job in found], next=more)


@router.get("/jobs/{id}")
async def get(request: Request, id: Id, key: Annotated[Key, Depends(may("read"))], wait: Wait = 0) -> JobShown:
    """A job, at once, or when it has ended."""
    service = request.app.state.service
    job = await _ended(service, await _find(service, id, key), wait)
    return show(job, await run_sync(service.store.place, job) if job.state == QUEUED else None)


@router.delete("/jobs/{id}")
def cancel(request: Request, id: Id, key: Annotated[Key, Depends(may("write"))]) -> JobShown:
    """Cancel a job: at once where it waits, soon where it runs. One that has ended stays as it is."""
    job = request.app.state.service.store.cancel(id, key.owner)
    if job is None:
        raise Problem(404, "there is no such job")
    log.info("cancelled by its owner", extra={"job": id})
    return show(job)


@router.get("/jobs/{id}/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def events(request: Request, id: Id, key: Annotated[Key, Depends(may("read"))]) -> StreamingResponse:
    """What happens to a job, as server-sent events: `state` and `progress`, each with the job as data, until it ends."""
    service = request.app.state.service
    job = await _find(service, id, key)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(service, job), media_type="text/event-stream", headers=headers)


async def _events(service: Any, job: Job | None) -> AsyncIterator[str]:
    state, waited = "", 0.0
    while job is not None and waited < EVENTS:
        name = "progress" if job.state == state else "state"
        state = job.state
        yield f"event: {name}\ndata: {show(job).model_dump_json(exclude_none=True)}\n\n"
        if state in FINAL:
            return
        known, after = version(job), await service.changes.wait(job, 15.0)
        while after is not None and version(after) == known and waited < EVENTS:
            waited += 15.0
            yield ": still here\n\n"
            after = await service.changes.wait(after, 15.0)
        job = after


@router.get("/jobs/{id}/preview", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def preview(request: Request, id: Id, key: Annotated[Key, Depends(may("read"))], step: Annotated[int, Query(ge=0)] = 0) -> Response:
    """The picture so far, small, of a job that runs. step: which one, so that it may be kept."""
    service = request.app.state.service
    job = service.store.get(id, key.owner)
    record = json.loads(job.progress) if job is not None and job.progress else {}
    if not record.get("preview"):
        raise Problem(404, "there is no preview")
    return Response(service.files.read(record["preview"]), media_type="image/jpeg")


# Results --------------------------------------------------------------------------------------------------------------


PICTURE: dict[str, Any] = {"content": {"image/*": {}, "application/*": {}}}


@router.head("/jobs/{id}/result", include_in_schema=False)
@router.get("/jobs/{id}/result", response_class=Response, responses={200: PICTURE, 206: PICTURE, 304: {}})
async def result(
    request: Request,
    id: Id,
    key: Annotated[Key, Depends(may("read"))],
    wait: Wait = 0,
    range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """The picture. 409 while the job has not ended, its own problem where it failed."""
    service = request.app.state.service
    job = await _ended(service, await _find(service, id, key), wait)
    if job.state == FAILED:
        record = error_of(job)
        raise Problem(record["status"], record["title"], record["detail"], (record.get("errors") or [{"field": ""}])[0]["field"])
    if job.state == CANCELLED:
        raise Problem(410, "the job was cancelled")
    if job.state != DONE:
        raise Problem(409, "the job has not ended", f"it is {job.state}", retry=1)
    etag = f'"{job.etag}"'
    name = f"{job.id[:8]}.{job.result.rpartition('.')[2]}"
    headers = {
        "ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=3600",
        "Content-Disposition": f'inline; filename="{name}"',
    }  # fmt: skip
    if if_none_match and (if_none_match.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]):
        return Response(status_code=304, headers=headers)
    span = span_of(range, job.length) if if_range in (None, etag) else None
    if span is None:
        if request.method == "HEAD":
            return Response(None, 200, {**headers, "Content-Length": str(job.length)}, job.media)
        return Response(await run_sync(service.files.read, job.result), 200, headers, job.media)
    start, end = span
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{job.length}"
    if request.method == "HEAD":
        return Response(None, 206, {**headers, "Content-Length": str(end - start)}, job.media)
    return Response(await run_sync(service.files.read, job.result, start, end), 206, headers, job.media)


def span_of(given: str | None, length: int) -> tuple[int, int] | None:
    """The bytes from, up to, that a Range header asks for; None for all, also where it asks for several spans or in other units.

    Raises Problem (416) where there is nothing there.
    """
    kind, _, text = (given or "").partition("=")
    first, dash, last = text.strip().partition("-")
    if kind.strip().lower() != "bytes" or not dash or not (first.isdecimal() or last.isdecimal()) or "," in text:
        return None
    if (first and not first.isdecimal()) or (last and not last.isdecimal()) or len(text) > 40:
        return None
    start = int(first) if first else max(0, length - int(last))
    end = min(length, int(last) + 1) if first and last else length
    if first and last and int(last) < int(first):
        return None
    if start >= end:
        raise Problem(416, "there is nothing there", f"the result has {length} bytes")
    return start, end


async def _find(service: Any, id: str, key: Key) -> Job:
    job: Job | None = await run_sync(service.store.get, id, key.owner)
    if job is None:
        raise Problem(404, "there is no such job")
    return job


async def _ended(service: Any, job: Job, wait: float) -> Job:
    """The job once it has ended, or as it is after so long. Raises Problem where it is gone."""
    import asyncio

    until = asyncio.get_running_loop().time() + wait
    while job.state not in FINAL and (left := until - asyncio.get_running_loop().time()) > 0:
        after = await service.changes.wait(job, left)
        if after is None:
            raise Problem(404, "there is no such job")
        job = after
    return job
