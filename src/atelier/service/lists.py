"""What there is: styles with thumbnails, recipes, options; and whether all is well."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Request
from pydantic import BaseModel
from starlette.responses import Response

import atelier
from atelier.engines.network.catalogue import every
from atelier.engines.optimize.recipes import RECIPES
from atelier.run import json_schema
from atelier.service.access import may
from atelier.service.problem import Problem

router = APIRouter(tags=["what there is"])
Read = Depends(may("read"))


class Health(BaseModel):
    """Whether the service works."""

    status: Literal["ok", "no workers"]
    version: str
    workers: int


class StyleShown(BaseModel):
    """A style by name."""

    name: str
    title: str
    painter: str
    year: str
    thumbnail: str | None


class RecipeShown(BaseModel):
    """Settings of the optimiser by name."""

    name: str
    summary: str
    source: str


@router.get("/health", tags=["operations"])
async def health(request: Request) -> Health:
    """Whether the service works. Needs no key."""
    service = request.app.state.service
    well = service.alive > 0 or service.config.workers == 0
    return Health(status="ok" if well else "no workers", version=atelier.__version__, workers=service.alive)


@router.get("/styles", dependencies=[Read])
def styles() -> list[StyleShown]:
    """The styles that `style` takes by name."""
    return [
        StyleShown(
            name=each.name, title=each.title, painter=each.painter, year=each.year,
            thumbnail=f"/v1/styles/{each.name}/thumbnail" if each.swatch else None,
        )
        for each in every()
    ]  # fmt: skip


@router.get(
    "/styles/{name}/thumbnail", dependencies=[Read], response_class=Response, responses={200: {"content": {"image/jpeg": {}}}, 304: {}}
)
def thumbnail(name: Annotated[str, Path(max_length=64)], if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """A style's texture, a small JPEG."""
    swatch = next((each.swatch for each in every() if each.name == name), b"")
    if not swatch:
        raise Problem(404, "there is no such style")
    etag = f'"{hashlib.sha256(swatch).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=3600"}
    return Response(status_code=304, headers=headers) if if_none_match == etag else Response(swatch, 200, headers, "image/jpeg")


@router.get("/recipes", dependencies=[Read])
def recipes() -> list[RecipeShown]:
    """The recipes that `recipe` takes."""
    return [RecipeShown(name=each.name, summary=each.summary, source=each.source) for each in RECIPES.values()]


@router.get("/options/{task}", dependencies=[Read])
def options(task: Literal["stylize", "texture", "reconstruct", "draw"]) -> dict[str, Any]:
    """All options of a task, as JSON Schema: each is a field of `POST /v1/jobs`."""
    return json_schema(task)
