"""Little films made for tests."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

Array = Any


def moving(count: int, size: tuple[int, int] = (96, 64), step: tuple[int, int] = (2, 1)) -> list[Array]:
    """Frames of a soft pattern that moves by so many px a frame: uint8 (H, W, 3)."""
    rng = np.random.default_rng(1)
    width, height = size
    large = rng.random((height // 4 + count + 8, width // 4 + count + 8, 3))
    large = np.kron(large, np.ones((8, 8, 1)))
    kernel = np.hanning(11)[1:-1] / np.hanning(11).sum()
    for axis in (0, 1):
        large = np.apply_along_axis(lambda line: np.convolve(line, kernel, "same"), axis, large)
    frames = [large[8 + at * step[1] :, 8 + at * step[0] :][:height, :width] for at in range(count)]
    return [np.rint(frame * 255).astype(np.uint8) for frame in frames]


def make_film(
    path: Path,
    frames: Sequence[Array],
    times: Sequence[int] | None = None,
    *,
    time_base: Fraction = Fraction(1, 12800),
    rate: int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: int = 1,
    full: bool = False,
    sound: float = 0.0,
    rotation: int = 0,
    tags: tuple[int, int] = (1, 1),
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames as a film. sound: s of a tone beside them. rotation: as the display matrix has it. tags: primaries and curve."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    times = list(times if times is not None else [round(at / rate / time_base) for at in range(len(frames))])
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as film:
        track = film.add_stream(codec, rate=rate, options=options or {"crf": "10", "preset": "ultrafast"})
        track.width, track.height, track.pix_fmt = width, height, pixels
        track.codec_context.time_base = track.time_base = time_base
        context = track.codec_context
        context.color_primaries, context.color_trc = tags
        context.colorspace, context.color_range = matrix, 2 if full else 1
        if rotation:
            track.set_display_rotation(rotation)
        tone = None
        if sound:
            tone = film.add_stream("aac", rate=48000)
            tone.codec_context.layout = "mono"
        for levels, pts in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(levels, format="rgb24" if levels.dtype == np.uint8 else "rgb48le")
            picture = picture.reformat(
                format=pixels, dst_colorspace=Colorspace(matrix), dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG
            )
            picture.pts, picture.time_base = pts, time_base
            film.mux(track.encode(picture))
        film.mux(track.encode())
        if tone is not None:
            for at in range(int(sound * 48000 / 1024)):
                wave = np.sin(2 * np.pi * 440 * (np.arange(1024) + at * 1024) / 48000).astype(np.float32)
                block = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
                block.sample_rate, block.pts, block.time_base = 48000, at * 1024, Fraction(1, 48000)
                film.mux(tone.encode(block))
            film.mux(tone.encode(None))
    return path


def times_of(path: Path) -> list[Fraction]:
    """The times of a film's frames, s."""
    import av

    with av.open(str(path)) as film:
        track = film.streams.video[0]
        return [frame.pts * track.time_base for frame in film.decode(track)]
