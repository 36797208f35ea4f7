"""Where a painted mesh goes: its file, and from that file, pictures of it turning and a page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atelier.image import Image, fit, resize
from atelier.image.encode import OUR_KEY
from atelier.media import write_animation, write_still, write_video
from atelier.media.meshes import read_mesh, write_mesh
from atelier.progress import Report, silent
from atelier.request import Outputs
from atelier.run.made import Made
from atelier.run.signing import record_of
from atelier.run.solid.painting import PaintedMesh
from atelier.run.watch import Watch
from atelier.solid.camera import turntable
from atelier.solid.surface import Surface, render

if TYPE_CHECKING:
    from atelier.run.job import Job

FRAMES, STRIP = 48, 8
"""Pictures of a whole turn: of one that moves, and of a strip."""
SIDE = 384
"""Of each of them, px."""
BEHIND = np.array([0.94, 0.94, 0.93], np.float32)
SEEN = 640


class MeshSink:
    """A mesh in a file, with what is written beside it."""

    made: Made

    def __init__(self, job: Job, outputs: Outputs, report: Report = silent) -> None:
        self.job, self.outputs, self.state = job, outputs, None
        self.report = Watch(replace(outputs, checkpoint=None), report, time.monotonic())

    def put(self, painted: PaintedMesh) -> None:
        watch, outputs = self.report, self.outputs
        about: dict[str, Any] = {OUR_KEY: record_of(self.job.request, watch.seconds)} if self.job.named else {}
        write_mesh(painted.model, painted.texture, outputs.picture, about=about, overwrite=outputs.overwrite, shaded=painted.shaded)
        if outputs.turntable:
            target = outputs.turntable
            watch.aside("turntable", lambda: write_turntable(outputs.picture, target, painted.model.up, painted.shaded))
        if outputs.html:
            page = outputs.html
            watch.aside("html", lambda: write_page(painted, page, Path(outputs.picture).name))
        picture = painted.picture()
        size = picture.size
        self.made = Made(
            resize(picture, fit(size, SEEN)) if max(size) > SEEN else picture, not watch.cancelled, watch.seconds, watch.last.step,
            dict(watch.last.losses), watch.missed, size=size,
        )  # fmt: skip

    def __enter__(self) -> MeshSink:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.report.close()
        if kind is None:
            self.made = replace(self.made, missed=self.report.missed)


def write_turntable(mesh: str, target: str, up: int | None = None, shaded: bool = False) -> None:
    """Write pictures of a mesh's file turning once; see `turned`. Raises OutputError."""
    suffix = Path(target).suffix.lower()
    frames = turned(mesh, STRIP if suffix == ".png" else FRAMES, SIDE, up, shaded)
    if suffix == ".png":
        write_still(Image(np.concatenate([each.pixels for each in frames], 1)), target)
    elif suffix in (".gif", ".webp"):
        write_animation(frames, target)
    else:
        write_video(frames, target, fps=12)


def turned(mesh: str, count: int, side: int = SIDE, up: int | None = None, shaded: bool = False) -> Sequence[Image]:
    """Pictures of a painted mesh's file from all around. up: the axis that points up; None for what the format has. shaded: whether light
    falls on it; else it is seen as its texture is."""
    surface, texture = opened(mesh)
    cameras = turntable(surface.points, count, surface.model.up if up is None else up)
    return [Image(render(surface, texture, camera, side, side, BEHIND, shaded=shaded).clip(0, 1)) for camera in cameras]


def opened(mesh: str) -> tuple[Surface, Any]:
    """The surface and square texture of a mesh's file that was painted. Formats that do not say which way is up keep that of the model
    they were painted from."""
    model = read_mesh(mesh)
    surface = Surface.of(model)
    image = surface.materials[0].image
    if image is None or image.shape[0] != image.shape[1]:
        return surface, surface.baked(1024)[0]
    return surface, image


def write_page(painted: PaintedMesh, target: str, title: str) -> None:
    """Write a page that shows a painted mesh. Raises OutputError."""
    from atelier.media import atomic_write
    from atelier.media.meshes.writing import glb, png
    from atelier.viewer.mesh import mesh_page

    atomic_write(mesh_page(title, glb(painted.model, png(painted.texture), {}, painted.shaded), painted.model.up).encode(), Path(target))
