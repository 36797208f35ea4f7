"""Pictures in a row as a film: MP4, H.264, as every browser and phone plays it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from atelier.errors import MissingExtra, OutputError, SettingError
from atelier.image import Image
from atelier.media.files import atomic_write, check_place

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

VIDEOS = (".mp4",)
LEAST_FPS, MOST_FPS = 0.1, 240.0
_BT709 = 1  # in H.264's tables of primaries, transfer and matrix; 1 is also the studio's range
_QUALITY = 18  # x264's constant rate factor: nothing is seen to be lost


def write_video(frames: Iterable[Image], target: str | Path, fps: float = 25.0, *, overwrite: bool = True) -> None:
    """Write frames, all of one size, as an MP4 with `fps` of them a second; they are taken one at a time.

    H.264, 8 bits, 4:2:0, BT.709, which wants even sides: an odd one gets its last pixels twice. Transparency is laid over white.
    Written whole or not at all; the film, not its frames, is held in memory. Raises OutputError for another suffix, a
    place that may not be written to, or a size that cannot be encoded; SettingError for no frames, frames of different
    sizes, or fps not from 0.1 to 240; MissingExtra without PyAV.
    """
    check_video(target, overwrite=overwrite)
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise SettingError("fps", f"must be from {LEAST_FPS:g} to {MOST_FPS:g}", fps)
    coming = iter(frames)
    first = next(coming, None)
    if first is None:
        raise SettingError("frames", "a film needs at least one frame")
    atomic_write(_encoded(chain([first], coming), first.size, fps, target), target, overwrite=overwrite)


def check_video(target: str | Path, *, overwrite: bool = True) -> None:
    """Raise now the OutputError or MissingExtra that `write_video` would raise for its target later."""
    if Path(target).suffix.lower() not in VIDEOS:
        raise OutputError(f"{target}: films are written as {', '.join(VIDEOS)}; choose this suffix")
    check_place(target, overwrite=overwrite)
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise MissingExtra("writing MP4", "video") from error


def _encoded(frames: Iterable[Image], size: tuple[int, int], fps: float, target: str | Path) -> bytes:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    try:
        with tempfile.TemporaryDirectory(prefix="atelier-") as folder:
            path = Path(folder) / "film.mp4"
            # the index in front, so that a browser can begin before it has all; to put it there FFmpeg needs a real file
            with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
                track = _track(film, size, fps)
                for frame in frames:
                    if frame.size != size:
                        raise SettingError("frames", "the frames of a film must all have one size; resize them first")
                    picture = av.VideoFrame.from_ndarray(_even(frame), format="rgb24")
                    picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
                    film.mux(track.encode(picture))
                film.mux(track.encode())
            return path.read_bytes()
    except av.FFmpegError as error:
        raise OutputError(f"{target}: {size[0]} × {size[1]} px cannot be encoded as H.264: {error}; choose a smaller size") from error


def _track(film: OutputContainer, size: tuple[int, int], fps: float) -> VideoStream:
    track = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": str(_QUALITY), "preset": "medium"})
    track.width, track.height = (side + side % 2 for side in size)
    track.pix_fmt = "yuv420p"
    track.color_primaries = track.color_trc = track.colorspace = track.color_range = _BT709  # untagged, players guess by the size
    return track


def _even(frame: Image) -> NDArray[np.uint8]:
    """(H, W, 3) with even sides."""
    pixels = frame.flat().to_array()
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
