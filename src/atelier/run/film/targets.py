"""Which requests are for films, and where those may be written."""

from __future__ import annotations

from pathlib import Path

from atelier.errors import TargetError
from atelier.media import STANDARD
from atelier.media.films import FILMS, check_film, check_frames, is_film, is_pattern, writing_of
from atelier.request import Outputs, Request
from atelier.run.targets import beforehand

AS_STILLS = (".webp", ".gif")
"""Suffixes of films that are pictures too: for them the source decides."""


def wants_film(request: Request, outputs: Outputs) -> bool:
    """Whether a film is to be made. Raises TargetError where a film is to become a picture."""
    if request.content is None or request.task not in ("stylize", "draw"):
        return False
    target, moving = outputs.picture, is_moving(request.content)
    if target == STANDARD:
        asked = f".{(outputs.format or '').lower().lstrip('.')}"
        return moving or (asked in FILMS and asked not in AS_STILLS)
    suffix = Path(target).suffix.lower()
    if is_pattern(target) or (suffix in FILMS and suffix not in AS_STILLS):
        return True
    if suffix not in FILMS and Path(request.content).suffix.lower() in AS_STILLS:
        return False
    if moving and suffix not in FILMS:
        raise TargetError(f"{request.content} is a film: write one, as {Path(target).stem}.mp4, or numbered frames, as frames/%05d.png")
    return moving


def is_moving(name: str) -> bool:
    """Whether a name is a film's, or one of a GIF, or a folder of frames."""
    return is_film(name) or Path(name).suffix.lower() == ".gif" or ("://" not in name and name != STANDARD and Path(name).is_dir())


def check_film_target(outputs: Outputs) -> None:
    """Refuse what can be seen to be a mistake before anything is opened. Raises TargetError, SettingError, MissingExtra."""
    if given := [name for name in ("every", "animation", "log", "checkpoint", "html") if getattr(outputs, name)]:
        raise TargetError(f"`{given[0]}` is for single pictures: a film that is stopped goes on by itself")
    if outputs.also:
        raise TargetError(f"a film goes to one file: leave out {outputs.also[0]}")
    with beforehand():
        if is_pattern(outputs.picture):
            check_frames(outputs.picture, overwrite=outputs.overwrite)
        else:
            writing = writing_of(outputs.picture, outputs.codec, outputs.quality, outputs.depth, outputs.format)
            check_film(outputs.picture, writing, overwrite=outputs.overwrite)
