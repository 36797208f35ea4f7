"""The wall: the picture, the strip of all of the visit, and the gallery of styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from atelier.engines.network.catalogue import every
from atelier.request import Request, Style
from atelier.studio import making, telling
from atelier.studio.form import plain
from atelier.studio.parts import mount

if TYPE_CHECKING:
    from atelier.studio.page import Here
    from atelier.studio.workshop import Work

POLL = 0.3
"""Seconds from one look at work in progress to the next."""
MIXED = 3
"""Styles that can be blended here."""


def show_stage(here: Here, tab: str, request: Request | None) -> None:
    """Show the picture."""
    st.fragment(_stage, run_every=POLL if here.visit.busy else None)(here, request)


def show_rest(here: Here, request: Request | None) -> None:
    """Show all else that hangs."""
    visit = here.visit
    if request is None or request.styles:
        st.fragment(_gallery, run_every=POLL if visit.thumbs_due else None)(here)
    _strip(here)
    _take(here)


def _stage(here: Here, request: Request | None) -> None:
    """The picture, before and after, and how its work stands."""
    visit, say = here.visit, here.say
    work, shown = visit.work, visit.shown
    photo = visit.uploads.pictures[visit.photo]
    after = None
    if shown is not None:
        after = f"hung/{shown.number}"
    elif work is not None and work.picture is not None:
        after = f"now/{id(work)}-{work.version}"
    waiting = request is not None and making.waits(visit.uploads, request) and not (request == visit.asked and (visit.busy or shown))
    against = None if visit.against is None else visit.find(visit.against)
    before = _view(here, f"photo/{visit.photo}" if against is None else f"hung/{against.number}")
    told = mount(
        "stage",
        {
            "tab": here.tab, "before": before, "file": _file(here), "after": after and _view(here, after),
            "key": f"{photo.serial}", "size": [*photo.size], "label": telling.label(here, request),
            "progress": _progress(here, work), "losses": [] if work is None else work.losses[-400:], "begin": waiting,
            "busy": visit.busy, "error": _error(here, work), "take": telling.to_take(here),
            "words": {
                "before": say("Photo") if against is None else telling.title(here, against.request), "after": say("Painted"),
                "compare": say("Before and after"),
                "stop": say("Stop"),
                "fit": say("Whole picture"), "whole": say("100 %"), "begin": say("Begin"), "full": say("Full screen"),
                "loss": say("How far it is from the painting, by iteration"), "download": say("Download"), "share": say("Share"),
                "copied": say("Copied"), "noshare": say("This browser does not share pictures."),
            },
        },
        "stop", "begin",
    )  # fmt: skip
    if told.stop and work is not None:
        work.stop()
    if told.begin:
        st.session_state["begin"] = True  # of which the next run of the page knows
        st.rerun()
    if st.session_state.get("was busy") and not visit.busy:
        st.session_state["was busy"] = False
        st.rerun()
    st.session_state["was busy"] = visit.busy


def _file(here: Here) -> dict[str, str] | None:
    """What shows a film or a mesh that was made."""
    shown = here.visit.shown
    if shown is None or shown.file is None or shown.file.suffix == ".png":
        return None
    suffix = ".html" if shown.file.suffix == ".glb" else shown.file.suffix
    return {"kind": suffix, "src": f"/studio/get/{here.tab}/{shown.number}/picture{suffix}?play=1"}


def _view(here: Here, key: str) -> str:
    return f"/studio/view/{here.tab}/{key}"


def _progress(here: Here, work: Work | None) -> dict[str, Any] | None:
    """How the work stands, in words."""
    if work is None or not work.going:
        return None
    say, progress = here.say, work.progress
    if work.state == "waiting":
        return {"text": say("Waiting for a free hand…"), "share": 0}
    if progress is None:
        return {"text": say("Opening…"), "share": 0}
    share = progress.step / progress.of if progress.of else 0
    return {"text": f"{say(progress.stage.capitalize())} {progress.step}" + (f" / {progress.of}" if progress.of else ""), "share": share}


def _error(here: Here, work: Work | None) -> str:
    """What went wrong with the work, in a line."""
    if work is None or work.error is None:
        return ""
    if isinstance(work.error, MemoryError):
        return here.say("There is not enough memory for this: try a smaller size.")
    from atelier.errors import AtelierError

    return plain(str(work.error)) if isinstance(work.error, AtelierError) else here.say("This piece of work failed. All else goes on.")


def _strip(here: Here) -> None:
    """Every picture of the visit, the latest first."""
    visit = here.visit
    if not visit.hung:
        return
    told = mount(
        "strip",
        {
            "pictures": [
                {"number": each.number, "src": _view(here, f"hung/{each.number}"), "title": telling.title(here, each.request),
                 "now": visit.shown is each, "against": visit.against == each.number}
                for each in reversed(visit.hung)
            ],
            "words": {"made": here.say("Made so far"), "undo": here.say("Undo"), "against": here.say("Compare with {picture}")},
        },
        "pick", "against",
    )  # fmt: skip
    if told.against is not None:
        visit.against = None if visit.against == int(told.against) else int(told.against)
        st.rerun()
    if told.pick is not None and (hung := visit.find(int(told.pick))):
        here.restore(hung.request)
        st.rerun()


def _gallery(here: Here) -> None:
    """All styles, each on the visitor's photo as soon as it is painted."""
    visit, say = here.visit, here.say
    serial = visit.uploads.pictures[visit.photo].serial
    chosen: tuple[Style, ...] = st.session_state["styles"]
    shares = {each.source: each.weight for each in chosen}
    cards: list[dict[str, Any]] = [
        {"name": name, "title": name, "by": say("Your painting"), "src": _view(here, f"painting/{name}")} for name in visit.paintings
    ]
    for entry in every():
        done = (work := visit.thumbs.get(entry.name)) is not None and work.picture is not None
        src = _view(here, f"thumb/{serial}/{entry.name}") if done else f"/studio/swatch/{entry.name}"
        by = ", ".join(filter(None, (entry.painter, entry.year)))
        cards.append({"name": entry.name, "title": entry.title, "by": by, "src": src, "due": not done})
    told = mount(
        "gallery",
        {
            "tab": here.tab, "cards": [{**each, "share": shares.get(each["name"], 0)} for each in cards], "several": len(chosen) > 1,
            "words": {
                "heading": say("Styles, on your photo"), "add": say("Blend with {style}"), "remove": say("Leave out {style}"),
                "own": say("Use a painting of yours"), "hint": say("+ blends up to three"),
            },
        },
        "pick", "mix", "own",
    )  # fmt: skip
    if told.own:
        visit.paintings = [*dict.fromkeys([*visit.paintings, str(told.own)])]
        _choose((Style(str(told.own)),))
    if told.pick:
        _choose((Style(str(told.pick)),))
    if told.mix:
        rest = tuple(each for each in chosen if each.source != told.mix)
        _choose(rest if len(rest) < len(chosen) and rest else (*chosen[-MIXED + 1 :], Style(str(told.mix))))
    if not visit.thumbs_due and st.session_state.get("thumbs were due"):
        st.session_state["thumbs were due"] = False
        st.rerun()
    st.session_state["thumbs were due"] = visit.thumbs_due


def _take(here: Here) -> None:
    """What can be taken away of the picture."""
    take, say, shown = telling.to_take(here), here.say, here.visit.shown
    if take is None or shown is None:
        return
    told = mount(
        "take",
        {
            "take": take,
            "words": {
                "heading": say("Take it with you"), "command": say("Command line"), "python": say("Python"), "copied": say("Copied"),
                "copy": say("Copy"), "link": say("Copy a link to these settings"), "largest": say("Paint it at full size"),
                "map": say("Map of the regions"),
            },
        },
        "full",
    )  # fmt: skip
    if told.full:
        here.visit.ask_full(shown.request)
        st.rerun()


def _choose(styles: tuple[Style, ...]) -> None:
    if styles != st.session_state["styles"]:
        st.session_state["styles"] = styles
        st.rerun()
