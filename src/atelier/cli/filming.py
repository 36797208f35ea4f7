"""Films on the command line: their options, and what is meant by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atelier.cli.base import Begin, CodecOption, End, Fps, PanoramaOption, Sound, Temporal
from atelier.errors import SettingError


@dataclass(frozen=True)
class FilmFlags:
    """Which part of a film is painted, how frames are kept alike, and how it is written."""

    begin: Begin = None
    end: End = None
    fps: Fps = None
    temporal: Temporal = "fast"
    codec: CodecOption = None
    sound: Sound = True

    @property
    def fields(self) -> dict[str, Any]:
        """As fields of a request."""
        end = None if self.end is None else seconds_of(self.end, "end")
        begin = 0.0 if self.begin is None else seconds_of(self.begin, "begin")
        return {"begin": begin, "end": end, "fps": self.fps, "temporal": self.temporal}

    @property
    def written(self) -> dict[str, Any]:
        """As fields of outputs."""
        return {"codec": self.codec, "sound": self.sound}


@dataclass(frozen=True)
class Filming(FilmFlags):
    """The same of what may be a panorama."""

    panorama: PanoramaOption = False

    @property
    def fields(self) -> dict[str, Any]:
        """As fields of a request."""
        return {**super().fields, "panorama": self.panorama}


def expand_all(photos: list[str], out: str) -> list[str]:
    """The sources meant by names: a pattern of frames, and a folder of them where a film is asked for, stay as they are."""
    from atelier.media import expand
    from atelier.media.films import FILMS, is_pattern

    film = Path(out).suffix.lower() in FILMS or is_pattern(out)
    whole = [photo for photo in photos if is_pattern(photo) or (film and Path(photo).is_dir())]
    return [source for photo in photos for source in ([photo] if photo in whole else expand([photo]))]


def seconds_of(text: str, option: str) -> float:
    """`83.5`, `1:23.5` or `0:01:23.5` to seconds. Raises SettingError."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or any(not 0 <= part < float("inf") for part in parts):
        raise SettingError(option, "give seconds, or minutes and seconds as 1:23.5", text)
    return float(sum(part * 60**power for power, part in enumerate(reversed(parts))))


def suffix_of(source: str) -> str:
    """Of what a source is painted to, in a folder."""
    from atelier.media.films import FILMS, is_film

    if not is_film(source):
        return ".png"
    suffix = Path(source).suffix.lower()
    return suffix if suffix in FILMS else ".mp4"
