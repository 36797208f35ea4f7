"""What the page says of a picture: its title, its label, and what makes the same one elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.engines.network.catalogue import entry
from atelier.request import Request
from atelier.run.explore.command import spell_command
from atelier.studio.form import spoken

if TYPE_CHECKING:
    from atelier.studio.page import Here


def style_title(name: str) -> str:
    """A style as people call it."""
    found = entry(name) if Path(name).suffix == "" else None
    return found.title if found else Path(name).stem


def title(here: Here, request: Request) -> str:
    """A picture's title."""
    if request.task == "draw":
        return f"{here.say('Drawn')}: {spoken(str(request.settings.get('shape', 'triangle')))}"
    return " + ".join(style_title(style.source) for style in request.styles)


def label(here: Here, request: Request | None) -> dict[str, str]:
    """The label beside a picture, as museums have them."""
    if request is None:
        return {"title": "", "by": ""}
    name = Path(str(request.content)).stem
    if len(request.styles) == 1 and (found := entry(request.styles[0].source) if "." not in request.styles[0].source else None):
        by = ", ".join(filter(None, (found.painter, found.year)))
        return {"title": f"{here.say(name.capitalize())}, {here.say('after')} {found.title}", "by": by}
    return {"title": f"{here.say(name.capitalize())}, {title(here, request)}", "by": ""}


def to_take(here: Here) -> dict[str, Any] | None:
    """What can be taken away: files of the picture, and what makes the same one elsewhere; None while there is no picture."""
    shown = here.visit.shown
    if shown is None:
        return None
    stem = f"{Path(str(shown.request.content)).stem}-{'-'.join(Path(s.source).stem for s in shown.request.styles) or shown.request.task}"
    if shown.file is not None:
        suffixes = [shown.file.suffix.lstrip("."), *(["html"] if shown.file.suffix == ".glb" else [])]
    elif shown.drawing is not None:
        suffixes = ["svg", "png", "json"]
    else:
        suffixes = ["png", "jpg", "webp", "tiff"]
    files = [{"name": each.upper(), "href": f"/studio/get/{here.tab}/{shown.number}/{stem}.{each}"} for each in suffixes]
    moving = shown.file is not None and shown.file.suffix != ".png"
    out = f"{stem}.{suffixes[0]}"
    return {
        "files": files, "size": [*shown.levels.shape[1::-1]],
        "command": spell_command(shown.request, out),
        "python": "" if moving else spell_python(shown.request, out),
        "map": shown.request.regions and f"/studio/map/{here.tab}/{shown.request.regions}",
        "full": shown.file is None and shown.drawing is None and shown.request.size is None,
    }  # fmt: skip


def spell_python(request: Request, out: str) -> str:
    """Write the Python that makes the picture of a request."""
    words = [repr(request.content)]
    if request.styles:
        styles = [each.source if each.weight == 1 else (each.source, each.weight) for each in request.styles]
        words.append(repr(styles[0] if len(styles) == 1 else styles))
    plain = Request(request.task, request.content)
    names = ("engine", "effort", "recipe", "size", "at_most", "seed", "regions", "feather", "blend", "keep_flat")
    words += [f"{name}={value!r}" for name in names if (value := getattr(request, name)) != getattr(plain, name)]
    words += [f"{name}={value!r}" for name, value in request.settings.items()]
    return f"import atelier\n\npicture = atelier.{request.task}({', '.join(words)})\natelier.save(picture, {out!r})\n"
