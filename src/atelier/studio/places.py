"""Which style goes where: regions, found or painted by hand, and a style for each."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from atelier.engines.network.catalogue import every
from atelier.errors import AtelierError
from atelier.image.color_names import distinct_colors
from atelier.image.regions import Regions
from atelier.request import Request, Style
from atelier.run import regions_of
from atelier.studio.form import plain
from atelier.studio.parts import mount
from atelier.studio.workshop import Work

if TYPE_CHECKING:
    from atelier.studio.page import Here

SIDE = 256
"""Long side, px, of the map that is painted."""
MOST = 8
"""Regions that can be told apart by hand."""
WAYS = ("auto", "auto:5")
"""Regions that are proposed, as requests have them."""
PATIENCE = 20.0


def chosen() -> bool:
    """Whether each region has a style of its own."""
    return bool(st.session_state.get("places on"))


def ask(here: Here, request: Request, where: Any) -> Request:
    """Show the map of the photo's regions where that is wanted; the request with it. where: the place for it."""
    say, visit = here.say, here.visit
    if not st.toggle(say("A style for each region"), key="places on", help=say("Paint regions by hand, or have them proposed")):
        return request
    places = st.session_state.setdefault("places", {})
    if places.get("photo") != visit.photo:
        places.clear()
        places.update(photo=visit.photo, map=None, styles={}, error="")
    with where:
        told = mount("regions", _data(here, places), "propose", "painted")
    if told.propose in WAYS:
        _propose(here, places, str(told.propose))
        st.rerun()
    if told.painted:
        places["map"] = _keep(here, _read(told.painted))
        places["styles"] = {str(name): str(style) for name, style in told.painted["styles"].items()}
        st.rerun()
    regions: Regions | None = visit.uploads.maps.get(places["map"] or "")
    styles = [Style(style, region=name) for name, style in places["styles"].items() if style and regions and regions.shares.get(name)]
    if regions is None or not styles:
        return request
    return dataclasses.replace(request, regions=places["map"], styles=tuple(styles))


def restore(request: Request, photo: str, here_maps: dict[str, Regions]) -> None:
    """Put a request's regions into the controls, where their map is here."""
    known = request.regions in here_maps
    st.session_state["places on"] = known
    if known:
        styles = {style.region: style.source for style in request.styles}
        st.session_state["places"] = {"photo": photo, "map": request.regions, "styles": styles, "error": ""}


def _data(here: Here, places: dict[str, Any]) -> dict[str, Any]:
    say, visit = here.say, here.visit
    regions = visit.uploads.maps.get(places["map"] or "")
    photo = visit.uploads.pictures[visit.photo]
    return {
        "photo": f"/studio/view/{here.tab}/photo/{visit.photo}", "size": [*photo.size], "side": SIDE, "error": places["error"],
        "map": None if regions is None else _write(regions), "name": places["map"], "styles": places["styles"],
        "colors": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in distinct_colors(MOST)],
        "choices": [
            *({"name": each.name, "title": each.title} for each in every()), *({"name": each, "title": each} for each in visit.paintings),
        ],
        "words": {
            "heading": say("Regions"), "object": say("Find the object"), "five": say("Find five parts"), "brush": say("Size of the brush"),
            "canvas": say("Paint the region on the photo"), "photo": say("stays the photo"), "add": say("Add a region"),
            "style": say("Style of {region}"), "region": say("Region"), "background": say("background"), "clear": say("Clear"),
            "hint": say("Choose a region, then paint it on the photo."), "apply": say("Apply"),
        },
    }  # fmt: skip


def _propose(here: Here, places: dict[str, Any], how: str) -> None:
    """Have regions found, at a small size, by a worker: the page of nobody else waits."""
    visit = here.visit
    found: list[Regions] = []

    def do(work: Work) -> None:
        found.append(regions_of(visit.uploads.pictures[visit.photo].at(SIDE), how, how, report=work.report))

    work = visit.quick.put(Work(do))
    work.wait(PATIENCE)
    places["error"] = plain(str(work.error)) if isinstance(work.error, AtelierError) else ""
    if found:
        regions = found[0]
        places["map"] = _keep(here, regions)
        own: tuple[Style, ...] = st.session_state["styles"]
        others = [each.name for each in every() if each.name != own[0].source]
        names = [name for name in regions.names if regions.shares[name] > 0]
        places["styles"] = dict(zip(names, [own[0].source, *others], strict=False)) if how != WAYS[0] else {names[-1]: own[0].source}


def _keep(here: Here, regions: Regions) -> str:
    """Take a map among the visitor's things; its name, which is another for every map."""
    told = hashlib.sha256(regions.labels.tobytes() + repr(regions.legend).encode()).hexdigest()[:6]
    name = f"regions-{told}.png"
    here.visit.uploads.maps[name] = regions
    return name


def _write(regions: Regions) -> dict[str, Any]:
    height, width = regions.labels.shape
    return {
        "width": width, "height": height, "labels": base64.b64encode(regions.labels.tobytes()).decode(), "names": [*regions.names],
        "colors": [*regions.legend.values()],
    }  # fmt: skip


def _read(told: dict[str, Any]) -> Regions:
    """A map as the page paints it. Raises ImageError, SettingError."""
    width, height, names = int(told["width"]), int(told["height"]), tuple(str(name) for name in told["names"])
    labels = np.frombuffer(base64.b64decode(told["labels"]), np.uint8)
    colors = tuple(tuple(bytes.fromhex(str(color).lstrip("#"))) for color in told["colors"])
    return Regions(labels.reshape(height, width), names, colors)  # type: ignore[arg-type]
