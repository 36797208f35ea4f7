"""What is served beside Streamlit's own: the first page, scripts and fonts, pictures made, and uploads.

What paints is imported when it is first asked for: the first page does not wait for it.
"""

from __future__ import annotations

import mimetypes
import secrets
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from atelier.engines.network.catalogue import entry
from atelier.errors import AtelierError
from atelier.studio import first

if TYPE_CHECKING:
    from atelier.studio.visits import Visit

COOKIE = "atelier"
WEB = Path(__file__).parent / "web"
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
SAFE = {
    "Content-Security-Policy": "default-src 'self' blob: data:; script-src 'self' blob: data: 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss: blob: data:; frame-ancestors 'self'; base-uri 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[Route]:
    """All there are. Streamlit's own come after them."""
    return [
        Route("/", index),
        Route("/studio/web/{path:path}", asset),
        Route("/studio/swatch/{name}", swatch),
        Route("/studio/view/{tab}/{key:path}", view),
        Route("/studio/take/{tab}/{name}", take, methods=["POST"]),
        Route("/studio/map/{tab}/{name}", region_map),
        Route("/studio/get/{tab}/{number:int}/{name}", get),
    ]


async def index(request: Request) -> Response:
    """The first page: what is seen before Streamlit's scripts have begun."""
    response = HTMLResponse(first.page(request.headers.get("accept-language", ""), request.query_params.get("lang", "")), headers=SAFE)
    response.background = BackgroundTask(warm_up)
    if not request.cookies.get(COOKIE):
        response.set_cookie(COOKIE, secrets.token_urlsafe(16), httponly=True, samesite="strict", max_age=30 * 86400)
    return response


@cache
def warm_up() -> None:
    """Have the networks open by the time that somebody asks for a picture."""
    from atelier.studio import visits

    visits.warm(visits.VISITS)


async def asset(request: Request) -> Response:
    """A script, a font, a picture of ours."""
    path = (WEB / request.path_params["path"]).resolve()
    if not path.is_relative_to(WEB.resolve()) or not path.is_file():
        return Response(status_code=404)
    kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "max-age=3600" if path.suffix == ".woff2" else "no-cache"})


async def swatch(request: Request) -> Response:
    """A style's texture."""
    found = entry(request.path_params["name"]) if request.path_params["name"].replace("-", "").isalnum() else None
    return Response(found.swatch, media_type="image/jpeg", headers=FOREVER) if found and found.swatch else Response(status_code=404)


def visit_of(request: Request) -> Visit | None:
    """Whose request it is."""
    from atelier.studio.visits import VISITS

    return VISITS.find(request.cookies.get(COOKIE, ""), request.path_params["tab"])


async def view(request: Request) -> Response:
    """A picture as the page shows it."""
    visit = visit_of(request)
    data = await run_in_threadpool(visit.find_view, request.path_params["key"]) if visit else None
    if data is None:
        return Response(status_code=404)
    return Response(data, media_type="image/jpeg", headers=FOREVER)


async def take(request: Request) -> Response:
    """Take a photo, a painting or a film. 413 and the limit for one too large, 422 and the reason for one that cannot be opened."""
    from atelier.studio.uploads import FILM_BYTES, LIMITS, MESH_BYTES, clean

    visit, name, what = visit_of(request), clean(unquote(request.path_params["name"])), request.query_params.get("as", "photo")
    if visit is None:
        return JSONResponse({"error": "reload"}, status_code=409)
    most = {"film": FILM_BYTES, "mesh": MESH_BYTES}.get(what, LIMITS.bytes)
    too_large = JSONResponse({"error": "large", "limit": most // 2**20}, status_code=413)
    if int(request.headers.get("content-length") or 0) > most:
        return too_large
    path = visit.folder / f"given-{name}"
    with path.open("wb") as file:
        async for part in request.stream():
            file.write(part)
            if file.tell() > most:
                break
    try:
        if path.stat().st_size > most:
            return too_large
        return JSONResponse({"name": await run_in_threadpool(_taken, visit, what, path, name)})
    except AtelierError as error:
        return JSONResponse({"error": str(error).replace(path.name, name).replace(str(path.parent) + "/", "")}, status_code=422)
    finally:
        if what not in ("film", "mesh"):
            path.unlink()


def _taken(visit: Visit, what: str, path: Path, name: str) -> str:
    """What came in a file, among the visitor's things; its name there."""
    if what == "film":
        return visit.take_film(path, name)
    if what == "mesh":
        return visit.take_mesh(path, name)
    data = path.read_bytes()
    return visit.uploads.add(data, name) if what == "painting" else visit.take(data, name)


async def region_map(request: Request) -> Response:
    """A map of regions, for the command line."""
    visit = visit_of(request)
    from atelier.image import encode
    from atelier.image.maps import write_map

    regions = visit.uploads.maps.get(request.path_params["name"]) if visit else None
    if regions is None:
        return Response(status_code=404)
    return Response(encode(write_map(regions), "png"), media_type="image/png", headers={"Content-Disposition": "attachment"})


async def get(request: Request) -> Response:
    """A finished picture, to keep: its format by the name's suffix."""
    visit = visit_of(request)
    hung = visit.find(request.path_params["number"]) if visit else None
    if visit is None or hung is None:
        return Response(status_code=404)
    from atelier.studio.uploads import clean

    name = clean(unquote(request.path_params["name"]))
    try:
        path = await run_in_threadpool(visit.write, hung, Path(name).suffix.lower())
    except AtelierError as error:
        return JSONResponse({"error": str(error)}, status_code=422)
    headers = {"Content-Security-Policy": "sandbox allow-scripts"} if path.suffix == ".html" else {}
    how: Any = "inline" if request.query_params.get("play") else "attachment"
    return FileResponse(path, filename=name, content_disposition_type=how, headers=headers)
