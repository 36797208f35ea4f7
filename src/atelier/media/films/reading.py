"""Films that are read: any container FFmpeg knows, frame by frame, each with its exact time."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atelier.errors import MissingExtra, SourceError
from atelier.image import Limits
from atelier.image.limits import check_size
from atelier.media.films.color import is_deep, is_hdr, levels_of
from atelier.media.films.folder import FrameFolder, is_pattern
from atelier.media.films.moment import Moment, Span
from atelier.media.films.spherical import is_spherical
from atelier.media.stills import STANDARD
from atelier.progress import Progress, Report, silent

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".ogv", ".3gp", ".y4m",
    ".nut", ".mxf", ".vob",
)  # fmt: skip
"""What is taken for a film by its name."""
MOVING = (".gif", ".webp", ".apng")
"""What is a film where a film is asked for, and a picture else."""
SHORT = 0.25
"""Seconds that may be missing at the end before a film is called cut short."""
PROTOCOLS = {"protocol_whitelist": "file,pipe,fd"}
"""Playlists must not fetch what nobody named."""


@dataclass(frozen=True)
class Film:
    """A film as its file describes it. Nothing is held open.

    path: where it is. size: (width, height) as it is to be seen, px. time_base: seconds of one tick of `Moment.pts`. rate: frames a
    second, on average. seconds: how long; None where nobody says. turned: quarters counter-clockwise that its frames are to be turned.
    hdr: whether they are tone-mapped. colors: primaries and transfer curve as H.273 numbers them. deep: more than 8 bits a channel.
    start: s in the file's own time at which it begins. kept: removes a temporary file when the last one lets go.
    """

    path: str
    name: str
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    seconds: float | None = None
    frames: int | None = None
    turned: int = 0
    hdr: bool = False
    deep: bool = False
    colors: tuple[int, int] = (1, 1)
    start: Fraction = Fraction(0)
    span: Span = Span()
    kept: Any = None

    @property
    def spherical(self) -> bool:
        """Whether its file says that it goes all around."""
        return is_spherical(self.path)

    @property
    def count(self) -> int | None:
        """About how many frames the span has; None where nobody knows."""
        if self.seconds is None and self.frames is None:
            return None
        whole = self.seconds if self.seconds is not None else float((self.frames or 0) / self.rate)
        end = whole if self.span.end is None else min(whole, self.span.end)
        if self.span == Span() and self.frames:
            return self.frames
        return max(1, round((end - self.span.begin) * float(self.span.fps or self.rate)))

    def moments(self, size: tuple[int, int] | None = None, after: int | None = None, report: Report = silent) -> Iterator[Moment]:
        """Decode, frame by frame. size: what they are brought to. after: a pts; those up to it are left out.

        A film that is cut short ends early, and a note says so. Raises SourceError where not one frame can be read.
        """
        coming = self._decoded(size or self.size, report)
        if self.span.fps is not None:
            coming = _resampled(coming, Fraction(self.span.fps).limit_denominator(1001), self.time_base)
        for moment in coming:
            if after is None or moment.pts > after:
                yield moment

    def at_rate(self) -> Film:
        """The film with the time base of the frames that `moments` gives."""
        if self.span.fps is None:
            return self
        rate = Fraction(self.span.fps).limit_denominator(1001)
        return replace(self, time_base=1 / rate, rate=rate, span=self.span)

    def _decoded(self, size: tuple[int, int], report: Report) -> Iterator[Moment]:
        begin, end = self.span.begin, self.span.end
        last, damaged, time = -1, 0, 0.0
        with open_container(self.path, self.name) as container:
            stream = track_of(container, self.name)
            stream.thread_type = "AUTO"
            tick = stream.time_base or self.time_base
            if begin:
                with contextlib.suppress(Exception):  # what cannot be sought in is read from its start
                    container.seek(int((self.start + Fraction(begin)) / tick), stream=stream)
            zero = round((self.start + Fraction(begin)) / tick)
            for frame, broken in _frames(container, stream):
                damaged += broken
                if frame is None:
                    continue
                at = frame.pts if frame.pts is not None else zero + last + max(1, round(1 / (self.rate * tick)))
                pts, time = at - zero, float((at - zero) * tick)
                if pts < 0:
                    continue
                if end is not None and time >= end - begin:
                    return
                pts = max(pts, last + 1)
                yield Moment(levels_of(frame, size, self.turned), pts, float(pts * tick))
                last = pts
        if last < 0:
            when = f" from {begin:g} s on" if begin else ""
            raise SourceError(f"{self.name}: not one frame of it can be read{when}")
        self._told_short(begin + time, damaged, report)

    def _told_short(self, time: float, damaged: int, report: Report) -> None:
        """Say what is missing."""
        missing = 0.0 if self.seconds is None else self.seconds - time - float(1 / self.rate)
        if self.span.end is None and missing > max(SHORT, float(2 / self.rate)):
            report(Progress("reading", note=f"{self.name} is cut short: it ends after {time:.1f} of {self.seconds:.1f} s"))
        elif damaged:
            report(Progress("reading", note=f"{self.name} is damaged: {damaged} of its packets cannot be read and are left out"))


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[tuple[VideoFrame | None, int]]:
    """Decoded frames; None with a 1 for what is damaged."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield None, 1
            return
        if packet is None:
            return
        try:
            for frame in packet.decode():
                yield frame, 0
        except av.FFmpegError:
            yield None, 1


def _resampled(moments: Iterator[Moment], rate: Fraction, time_base: Fraction) -> Iterator[Moment]:
    """At a steady rate: of each tick the frame that is to be seen then."""
    tick, shown = 0, None
    for moment in moments:
        while shown is not None and Fraction(tick) / rate < moment.pts * time_base:
            yield Moment(shown.levels, tick, float(tick / rate))
            tick += 1
        shown = moment
    if shown is not None:
        yield Moment(shown.levels, tick, float(tick / rate))


def is_film(name: str) -> bool:
    """Whether a name is taken for a film's: by its suffix, or as numbered frames."""
    return is_pattern(name) or Path(name).suffix.lower() in SUFFIXES


def open_film(name: str, span: Span = Span(), limits: Limits = Limits(), report: Report = silent) -> Film | FrameFolder:
    """What a film is like. name: path, URL, `-` for standard input, a folder of frames, or a pattern of them, as frames/%05d.png.

    Raises SourceError for what is no film, ImageError for one that is too large, MissingExtra.
    """
    if is_pattern(name) or (name != STANDARD and "://" not in name and Path(name).is_dir()):
        return FrameFolder.open(name, span.begin, span.end, span.fps, limits)
    path, kept = _at_hand(name, limits)
    shown = "standard input" if name == STANDARD else name
    with open_container(path, shown) as container:
        return _described(container, path, shown, span, limits, kept, report)


def comment_of(name: str) -> str:
    """What a film's file says of it; "" for nothing. Raises SourceError for what is no film, MissingExtra."""
    with open_container(name, name) as container:
        return next((text for key, text in container.metadata.items() if key.lower() == "comment"), "")


def _described(container: InputContainer, path: str, name: str, span: Span, limits: Limits, kept: Any, report: Report) -> Film:
    stream = track_of(container, name)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    frame = next((frame for frame, _ in _frames(container, stream) if frame is not None), None)
    if frame is None or stream.time_base is None:
        raise SourceError(f"{name}: not one frame of it can be read")
    check_size(frame.width, frame.height, name, limits)
    turned = round(getattr(frame, "rotation", 0) / 90) % 4
    wide = stream.sample_aspect_ratio or Fraction(1)
    size = max(1, round(frame.width * wide)), frame.height
    start = Fraction(container.start_time or 0, 1_000_000) if stream.start_time is None else stream.start_time * stream.time_base
    seconds = float(stream.duration * stream.time_base) if stream.duration else _lasting(container)
    if is_hdr(frame):
        report(Progress("reading", note=f"{name} is of high dynamic range: it is brought down to what every screen shows"))
    tagged = int(frame.color_primaries), int(frame.color_trc)
    colors = (1, 1) if is_hdr(frame) else (tagged[0] if tagged[0] != 2 else 1, tagged[1] if tagged[1] != 2 else 1)
    return Film(
        path, name, size[::-1] if turned % 2 else size, stream.time_base, rate, seconds, stream.frames or None, turned, is_hdr(frame),
        is_deep(frame), colors, start, span, kept,
    )  # fmt: skip


def _lasting(container: InputContainer) -> float | None:
    return container.duration / 1_000_000 if container.duration else None


def open_container(path: str, name: str) -> InputContainer:
    """Raises SourceError for what cannot be opened as a film, and for a picture that is called one."""
    av = import_av()
    try:
        container: InputContainer = av.open(path, options=PROTOCOLS, metadata_errors="replace")
    except FileNotFoundError:
        raise SourceError(f"there is no file {name}") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{name} cannot be opened as a film: {_reason(error)}") from error
    form = container.format.name
    if form.endswith("_pipe") or form == "image2":
        container.close()
        more = "name it as one" if is_film(name) else "name the result as one, painted.png"
        raise SourceError(f"{name} is a single picture, not a film: {more}")
    return container


def track_of(container: InputContainer, name: str) -> VideoStream:
    """The pictures of a film; a cover in a file of music is none. Raises SourceError."""
    import av

    tracks = [stream for stream in container.streams.video if not stream.disposition & av.stream.Disposition.attached_pic]
    if not tracks:
        has = "sound alone" if container.streams.audio else "neither pictures nor sound"
        container.close()
        raise SourceError(f"{name} has no pictures: there is {has} in it")
    return tracks[0]


def _at_hand(name: str, limits: Limits) -> tuple[str, Any]:
    """A path that can be read more than once, and what keeps it there."""
    if name != STANDARD and "://" not in name:
        return name, None
    kept = tempfile.NamedTemporaryFile(prefix="atelier-", suffix=".film")  # noqa: SIM115  (removed when the last film lets go)
    if name == STANDARD:
        shutil.copyfileobj(sys.stdin.buffer, kept, 1 << 20)
    else:
        from atelier.media.download import download

        kept.write(download(name, limits))
    kept.flush()
    if not Path(kept.name).stat().st_size:
        raise SourceError("standard input is empty: pipe a film in")
    return kept.name, kept


def import_av() -> Any:
    """PyAV, silent. Raises MissingExtra."""
    try:
        import av
        import av.logging
    except ImportError as error:
        raise MissingExtra("films", "video") from error
    av.logging.set_level(None)
    return av


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", "") or error)
    return "it is damaged, or of a kind nobody knows" if "Invalid data" in text else " ".join(text.split())
