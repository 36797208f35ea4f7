"""What films are written as: containers, and the codecs that go into them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atelier.errors import OutputError, SettingError
from atelier.media.files import check_place
from atelier.media.films.reading import import_av
from atelier.media.stills import STANDARD

Options = Mapping[str, str]


@dataclass(frozen=True)
class Codec:
    """A way to code pictures. encoder: FFmpeg's name. options: of a quality, 1 to 100. flat, deep: pixel formats of 8 bits a channel and
    of more ("" where there is none). segment: the container that holds pieces of it. word: what people call it. least: px a
    side, below which the encoder fails, or brings the process down."""

    name: str
    word: str
    encoder: str
    options: Callable[[int], Options]
    flat: str = "yuv420p"
    deep: str = "yuv420p10le"
    segment: str = "mp4"
    tag: str = ""
    least: int = 1


def _crf(best: float, step: float) -> Callable[[int], str]:
    """The rate factor of a quality: `best` at 92, `step` more for each point less."""
    return lambda quality: f"{min(max(best + (92 - quality) * step, 1), 63):.0f}"


_H264, _HEVC, _VP9, _AV1 = _crf(18, 0.3), _crf(21, 0.28), _crf(24, 0.4), _crf(24, 0.4)

CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", "H.264", "libx264", lambda q: {"crf": _H264(q), "preset": "veryfast"}, deep="yuv420p10le", tag="avc1"),
        Codec(
            "hevc", "HEVC", "libx265", lambda q: {"crf": _HEVC(q), "preset": "fast", "x265-params": "log-level=none"}, tag="hvc1", least=32
        ),
        Codec(
            "vp9", "VP9", "libvpx-vp9",
            lambda q: {"crf": _VP9(q), "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"},
        ),
        Codec("av1", "AV1", "libsvtav1", lambda q: {"crf": _AV1(q), "preset": "9"}),
        Codec("prores", "ProRes", "prores_ks", lambda q: {"profile": "3" if q >= 50 else "1"}, "yuv422p10le", "yuv422p10le", "mov"),
        Codec("gif", "GIF", "libx264rgb", lambda q: {"qp": "0", "preset": "ultrafast"}, "rgb24", ""),
        Codec("webp", "WebP", "libx264rgb", lambda q: {"qp": "0", "preset": "ultrafast"}, "rgb24", ""),
    )
}  # fmt: skip
"""The last two are kept without loss, and made into what they are when all is there."""

FILMS: dict[str, tuple[str, tuple[str, ...]]] = {
    ".mp4": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".m4v": ("mp4", ("h264", "hevc", "av1", "vp9")),
    ".mov": ("mov", ("h264", "hevc", "prores")),
    ".mkv": ("matroska", ("h264", "hevc", "av1", "vp9", "prores")),
    ".webm": ("webm", ("vp9", "av1")),
    ".gif": ("gif", ("gif",)),
    ".webp": ("webp", ("webp",)),
}
"""Suffix -> FFmpeg's name of the container, and the codecs it takes, the usual one first."""


@dataclass(frozen=True)
class Writing:
    """How a film is written. container: FFmpeg's name. quality: 1 to 100. deep: more than 8 bits a channel."""

    container: str
    codec: Codec
    quality: int = 92
    deep: bool = False

    @property
    def options(self) -> dict[str, str]:
        return dict(self.codec.options(self.quality))

    @property
    def pixel_format(self) -> str:
        return self.codec.deep if self.deep and self.codec.deep else self.codec.flat

    @property
    def moving(self) -> bool:
        """Whether it is a moving picture without sound, as GIF."""
        return self.container in ("gif", "webp")


def writing_of(target: str, codec: str | None = None, quality: int = 92, depth: int | None = None, format: str | None = None) -> Writing:
    """How to write a film of a name. Raises OutputError for a suffix that is no film's, SettingError for a codec that does not go there."""
    suffix = f".{(format or 'mkv').lower().lstrip('.')}" if target == STANDARD else Path(target).suffix.lower()
    if suffix not in FILMS:
        raise OutputError(f"{target}: films are written as {', '.join(FILMS)}, or as numbered frames (frames/%05d.png)")
    container, names = FILMS[suffix]
    name = codec or names[0]
    if name not in CODECS or name not in names:
        raise SettingError("codec", f"{suffix} takes {', '.join(names)}", name)
    if depth not in (None, 8) and not CODECS[name].deep:
        raise SettingError("depth", f"{CODECS[name].word} has 8 bits a channel", depth)
    return Writing(container, CODECS[name], quality, depth not in (None, 8))


def check_film(target: str, writing: Writing, *, overwrite: bool = True) -> None:
    """Raise now what writing would raise later: OutputError for a place that may not be written to, or an encoder that is missing;
    MissingExtra."""
    av = import_av()
    if target != STANDARD:
        check_place(target, overwrite=overwrite)
    os.environ.setdefault("SVT_LOG", "1")  # the encoder of AV1 prints, unless told not to before its first use
    try:
        av.Codec(writing.codec.encoder, "w")
    except (av.FFmpegError, ValueError) as error:
        raise OutputError(
            f"{target}: this FFmpeg cannot write {writing.codec.word} ({writing.codec.encoder}); choose another `codec`"
        ) from error
