"""Frames as numbered pictures in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from atelier.errors import ImageError, OutputError, SourceError
from atelier.image import Limits, resize
from atelier.media.files import check_place
from atelier.media.films.moment import Moment
from atelier.media.stills import check_target, expand, open_still
from atelier.progress import Report, silent

FPS = 25.0
"""Of numbered frames, which do not say it."""
_NUMBER = re.compile(r"%0?(\d*)d")


@dataclass(frozen=True)
class FrameFolder:
    """Numbered pictures, read as a film. paths: in their order, of the part that is wanted. size: the first one's, px."""

    name: str
    paths: tuple[str, ...]
    size: tuple[int, int]
    rate: Fraction
    limits: Limits = Limits()
    deep: bool = False
    colors: tuple[int, int] = (1, 1)

    @classmethod
    def open(cls, name: str, begin: float, end: float | None, fps: float | None, limits: Limits) -> FrameFolder:
        """name: a folder, or a pattern as frames/%05d.png. Raises SourceError, ImageError."""
        rate = Fraction(fps or FPS).limit_denominator(1001)
        paths = _matching(name) if is_pattern(name) else expand([name])
        paths = [path for at, path in enumerate(paths) if at / rate >= begin and (end is None or at / rate < end)]
        if not paths:
            raise SourceError(f"{name}: there are no frames from {begin:g} s on, at {float(rate):g} a second")
        first = open_still(paths[0], limits)
        return cls(name, tuple(paths), first.size, rate, limits, first.depth > 8)

    @property
    def time_base(self) -> Fraction:
        return 1 / self.rate

    @property
    def count(self) -> int:
        return len(self.paths)

    def at_rate(self) -> FrameFolder:
        return self

    def moments(self, size: tuple[int, int] | None = None, after: int | None = None, report: Report = silent) -> Iterator[Moment]:
        """Read, picture by picture. One of another size ends it with ImageError, as does one that cannot be read."""
        for pts, path in enumerate(self.paths):
            if after is not None and pts <= after:
                continue
            picture = open_still(path, self.limits).flat()
            if picture.size != self.size:
                raise ImageError(f"{path} is {picture.size[0]}x{picture.size[1]} px, the frames before it {self.size[0]}x{self.size[1]}")
            if size is not None and size != picture.size:
                picture = resize(picture, size)
            yield Moment(picture.to_array(16 if self.deep else 8), pts, float(pts / self.rate))


def is_pattern(name: str) -> bool:
    """Whether a name stands for numbered frames, as frames/%05d.png does."""
    return _NUMBER.search(Path(name).name) is not None and not Path(name).is_file()


def numbered(pattern: str, number: int) -> Path:
    """The path of a frame."""
    path = Path(pattern)
    return path.with_name(_NUMBER.sub(lambda found: f"{number:0{found[1] or 0}d}", path.name, count=1))


def _matching(pattern: str) -> list[str]:
    """Files of a pattern, by number. Raises SourceError."""
    folder, name = Path(pattern).parent, Path(pattern).name
    parts = _NUMBER.split(name, maxsplit=1)
    known = re.compile(re.escape(parts[0]) + r"(\d+)" + re.escape(parts[-1]))
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}")
    found = [(int(match[1]), str(path)) for path in folder.iterdir() if (match := known.fullmatch(path.name))]
    if not found:
        raise SourceError(f"{pattern}: no file is called like that")
    return [path for _, path in sorted(found)]


def check_frames(pattern: str, *, overwrite: bool = True) -> None:
    """Raise OutputError where frames cannot be written. pattern: as %05d.png in a folder that exists."""
    if not is_pattern(pattern):
        raise OutputError(f"{pattern}: number the frames, as in frames/%05d.png")
    check_target(numbered(pattern, 0), overwrite=overwrite)
    check_place(numbered(pattern, 0), overwrite=overwrite)
