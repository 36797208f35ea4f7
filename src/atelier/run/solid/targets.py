"""What is refused of a painted mesh's targets, before the work."""

from __future__ import annotations

from pathlib import Path

from atelier.errors import TargetError
from atelier.media import check_animation, check_place, check_target, check_video
from atelier.media.meshes import WRITTEN, check_mesh
from atelier.request import Outputs
from atelier.run.targets import beforehand

MOVING = (".gif", ".webp")
FILMED = (".mp4",)


def check_solid_targets(outputs: Outputs) -> None:
    """Raise TargetError for what cannot be written."""
    if Path(outputs.picture).suffix.lower() not in WRITTEN:
        raise TargetError(f"{outputs.picture}: a painted mesh is written as {', '.join(WRITTEN)}")
    for name in ("every", "animation", "checkpoint"):
        if getattr(outputs, name):
            raise TargetError(f"`{name}` is for pictures: leave it out for a mesh")
    with beforehand():
        check_mesh(outputs.picture, overwrite=outputs.overwrite)
        if outputs.turntable:
            check_turntable(outputs.turntable, overwrite=outputs.overwrite)
        for place in (outputs.html, outputs.log):
            if place:
                check_place(place, overwrite=outputs.overwrite)


def check_turntable(target: str, *, overwrite: bool = True) -> None:
    """Raise OutputError for what pictures of a mesh turning cannot be written to."""
    suffix = Path(target).suffix.lower()
    if suffix == ".png":
        check_target(target, overwrite=overwrite)
    elif suffix in MOVING:
        check_animation(target, overwrite=overwrite)
    elif suffix in FILMED:
        check_video(target, overwrite=overwrite)
    else:
        raise TargetError(f"`turntable` {target}: write .png, a strip, {', '.join((*MOVING, *FILMED))}")
