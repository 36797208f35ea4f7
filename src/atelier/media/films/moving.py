"""GIF and WebP that move, out of pieces that were kept without loss."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from atelier.media.files import atomic_path
from atelier.media.films.codecs import Writing
from atelier.media.films.encoding import refused
from atelier.media.films.parts import Parts
from atelier.media.films.reading import import_av

TICK = {"gif": Fraction(1, 100), "webp": Fraction(1, 1000)}
"""What these count times in, s."""


def write_moving(parts: Parts, target: Path, writing: Writing, time_base: Fraction) -> None:
    """Write an endless GIF or WebP, whole or not at all. Raises OutputError."""
    av = import_av()
    tick = TICK[writing.container]
    with atomic_path(target) as path, refused(target), av.open(str(path), "w", format=writing.container, options={"loop": "0"}) as out:
        track: Any = None
        for frame, pts in _frames(parts):
            if track is None:
                track = out.add_stream("gif" if writing.container == "gif" else "libwebp_anim", rate=100)
                track.width, track.height = frame.width, frame.height
                track.pix_fmt = "pal8" if writing.container == "gif" else "bgra"
                track.codec_context.time_base = track.time_base = tick
                if writing.container == "webp":
                    track.options = {"quality": str(writing.quality), "compression_level": "3"}
                graph = _graph(frame) if writing.container == "gif" else None
            ready = _with_palette(graph, frame) if graph else frame.reformat(format="bgra")
            ready.pts, ready.time_base = round(pts * time_base / tick), tick
            out.mux(track.encode(ready))
        out.mux(track.encode())


def _frames(parts: Parts) -> Iterator[tuple[Any, int]]:
    """Decoded pictures with their times."""
    av = import_av()
    for part in parts.list:
        with av.open(str(parts.folder / part.name)) as piece:
            for frame in piece.decode(video=0):
                yield frame, part.first + frame.pts


def _graph(frame: Any) -> Any:
    """A palette of each frame's own best 256 colours, and its pixels in them, dithered."""
    from av.filter import Graph

    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))
    split, palette = graph.add("split"), graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
    use, sink = graph.add("paletteuse", "new=1:dither=sierra2_4a"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


def _with_palette(graph: Any, frame: Any) -> Any:
    frame.time_base = Fraction(1, 1000)
    graph.push(frame)
    return graph.pull()
