"""Pictures in a row as one moving file: how a painting came about."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image as Pillow

from atelier.errors import OutputError, SettingError
from atelier.image import Image
from atelier.media.files import atomic_write, check_place

ANIMATIONS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
_SHORTEST = 20  # ms; browsers slow down what claims to be faster


def write_animation(frames: Sequence[Image], target: str | Path, *, seconds: float = 4.0, overwrite: bool = True) -> None:
    """Write frames, all of one size, as an endless GIF, WebP or PNG (by suffix) of about `seconds` a round.

    Transparency is laid over white. Written whole or not at all. No frame is shown under 20 ms, so very many frames take
    longer. Raises OutputError for another suffix or a place that may not be written to, SettingError for no frames,
    frames of different sizes, or a duration that is not above 0.
    """
    plugin = check_animation(target, overwrite=overwrite)
    if not frames:
        raise SettingError("frames", "an animation needs at least one frame")
    if len({frame.size for frame in frames}) > 1:
        raise SettingError("frames", "the frames of an animation must all have one size; resize them first")
    if not 0 < seconds < float("inf"):
        raise SettingError("seconds", "an animation's duration must be above 0 s", seconds)
    atomic_write(_encoded(frames, plugin, seconds), target, overwrite=overwrite)


def check_animation(target: str | Path, *, overwrite: bool = True) -> str:
    """Raise now the OutputError that `write_animation` would raise for its target later; the format's name otherwise."""
    plugin = ANIMATIONS.get(Path(target).suffix.lower())
    if plugin is None:
        raise OutputError(f"{target}: animations are written as {', '.join(ANIMATIONS)}; choose one of these suffixes")
    check_place(target, overwrite=overwrite)
    return plugin


def _encoded(frames: Sequence[Image], plugin: str, seconds: float) -> bytes:
    pictures = [Pillow.fromarray(frame.flat().to_array()) for frame in frames]
    settings: dict[str, Any] = {}
    if plugin == "GIF":
        # each frame with its own best 256 colours, dithered: a first quantisation only finds them
        pictures = [picture.quantize(palette=picture.quantize(256), dither=Pillow.Dither.FLOYDSTEINBERG) for picture in pictures]
        settings["disposal"] = 1
    if plugin == "WEBP":
        settings |= {"quality": 85, "method": 4}
    stream = io.BytesIO()
    if len(pictures) > 1:
        settings |= {"save_all": True, "append_images": pictures[1:], "duration": _durations(len(pictures), seconds), "loop": 0}
    pictures[0].save(stream, plugin, **settings)
    return stream.getvalue()


def _durations(frames: int, seconds: float) -> list[int]:
    """Milliseconds of each frame, whole hundredths as GIF counts, that add up to the whole as nearly as they can."""
    ends = [round(100 * seconds * frame / frames) * 10 for frame in range(frames + 1)]
    return [max(_SHORTEST, end - start) for start, end in pairwise(ends)]
