"""Pictures into a piece of film: one file, coded, with the times they were given."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from atelier.errors import AtelierError, OutputError
from atelier.media.films.codecs import Writing
from atelier.media.films.moment import Levels
from atelier.media.films.reading import import_av

BT709, STUDIO = 1, 1
"""In the tables of H.273: the matrix; and the range."""


class Piece:
    """A file of coded pictures that begins with a key frame and ends with the last that was put.

    path: the file. size: (width, height), px. time_base: of the times. colors: primaries and transfer curve, to tag it with. first, last:
    times of its ends; count: pictures in it. Raises OutputError.
    """

    def __init__(
        self, path: Path, writing: Writing, size: tuple[int, int], time_base: Fraction, rate: Fraction, colors: tuple[int, int]
    ) -> None:
        av = import_av()
        self.path, self.writing, self.size, self.time_base = path, writing, size, time_base
        self.first: int | None = None
        self.last, self.count = -1, 0
        with refused(path, size, writing):
            self._file = av.open(str(path), "w", format=writing.codec.segment)
            track = self._file.add_stream(writing.codec.encoder, rate=rate.limit_denominator(1001), options=writing.options)
            track.width, track.height = padded(size, writing)
            track.pix_fmt = writing.pixel_format
            if writing.codec.tag:
                track.codec_context.codec_tag = writing.codec.tag
            track.codec_context.time_base = track.time_base = time_base
            context = track.codec_context
            if not writing.moving:
                context.color_primaries, context.color_trc = colors
                context.colorspace, context.color_range = BT709, STUDIO
        self._track = track

    def put(self, levels: Levels, pts: int) -> None:
        """Add a picture, (H, W, 3), uint8 or uint16."""
        from av import VideoFrame
        from av.video.reformatter import ColorRange, Colorspace

        if self.first is None:
            self.first = pts
        width, height = padded(self.size, self.writing)
        grown = np.pad(levels, ((0, height - levels.shape[0]), (0, width - levels.shape[1]), (0, 0)), "edge")
        picture = VideoFrame.from_ndarray(np.ascontiguousarray(grown), format="rgb24" if grown.dtype == np.uint8 else "rgb48le")
        if not self.writing.moving:
            picture = picture.reformat(format=self.writing.pixel_format, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
        picture.pts, picture.time_base = pts - self.first, self.time_base
        with refused(self.path, self.size, self.writing):
            self._file.mux(self._track.encode(picture))
        self.last, self.count = pts, self.count + 1

    def close(self) -> None:
        """Finish the file."""
        with refused(self.path, self.size, self.writing):
            self._file.mux(self._track.encode())
            self._file.close()

    def drop(self) -> None:
        """Leave off."""
        with contextlib.suppress(Exception):
            self._file.close()
        self.path.unlink(missing_ok=True)


def padded(size: tuple[int, int], writing: Writing) -> tuple[int, int]:
    """(width, height) as it is coded: where colours are held for four pixels together, an odd side gets its last pixels twice."""
    return size if writing.moving else (size[0] + size[0] % 2, size[1] + size[1] % 2)


@contextlib.contextmanager
def refused(target: Any, size: tuple[int, int] | None = None, writing: Writing | None = None) -> Iterator[None]:
    """What FFmpeg refuses in here, as an OutputError."""
    av = import_av()
    try:
        yield
    except AtelierError:
        raise
    except (av.FFmpegError, OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(f"{target} was not written: no space left on its disk; make room, or choose another folder") from error
        what = f": {size[0]}x{size[1]} px cannot be coded as {writing.codec.word}" if size and writing else " cannot be written"
        reason = " ".join(str(getattr(error, "strerror", "") or error).split())
        raise OutputError(f"{target}{what}: {reason}") from error
