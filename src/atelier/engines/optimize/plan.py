"""The way from the coarsest scale to the full size, and what of it cannot be gone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from atelier.engines.optimize.layers import reach
from atelier.engines.optimize.tiles import tiles
from atelier.errors import SettingError
from atelier.image import Limits
from atelier.perception.network import CONVS, layer_name
from atelier.request import Settings

WHOLE_PIXELS = 1_200_000
"""Pictures up to this are looked at whole unless told otherwise; larger ones in tiles of TILE."""
TILE = 640

EARLY_SHARE = 0.25
"""Of the seconds that a run is given, what the stages before the last may have at the most."""


@dataclass(frozen=True)
class Stage:
    """Some iterations at one size (height, width) against one network."""

    size: tuple[int, int]
    features: str
    iterations: int


def stages(settings: Settings, height: int, width: int) -> list[Stage]:
    """The way from the coarsest scale to the full size, those without iterations left out."""
    first = settings.warm_features or settings.features
    plan: list[Stage] = []
    factor = settings.scale_step
    while settings.coarse_iterations and max(height, width) / factor >= settings.smallest * 0.99:
        size = tuple(max(1, round(side / factor)) for side in (height, width))
        plan.insert(0, Stage((size[0], size[1]), first, settings.coarse_iterations))
        factor *= settings.scale_step
    if settings.warm_features and settings.warm_features != settings.features:
        plan.append(Stage((height, width), settings.warm_features, settings.warm_iterations))
    plan.append(Stage((height, width), settings.features, settings.iterations))
    # A scale too small for the deepest layer is skipped, not an error: the next one sees as much.
    need = max((2 ** (int(layer_name(name)[4]) - 1) for name in (*settings.style_layers, *settings.content_layers)), default=1)
    return [stage for stage in plan if stage.iterations and (min(stage.size) >= need or stage.size == (height, width))]


def due(settings: Settings, index: int, plan: Sequence[Stage], began: float) -> float:
    """The time by which a stage is to end, s, where the run began at `began`."""
    early = len(plan) - 1
    if not settings.seconds or index == early:
        return math.inf
    return began + EARLY_SHARE * settings.seconds * (index + 1) / early


def tile_side(settings: Settings, stage: Stage) -> int:
    """The side of the tiles that a stage looks through, px; 0 for none."""
    return settings.tile or (0 if stage.size[0] * stage.size[1] <= WHOLE_PIXELS else TILE)


def check_plan(settings: Settings, plan: Sequence[Stage], layers: Sequence[str], source: tuple[int, int] | None = None) -> None:
    """Raise now the SettingError that a stage would come upon after those before it.

    layers: that the losses look at. source: (width, height) of the photo before it was scaled, where it was.
    """
    for stage in plan:
        height, width = stage.size
        need = max(reach(name) for name in layers) if layers else 1
        if min(height, width) < need:
            raise SettingError("size", too_small(layers, height, width, source))
        if settings.histogram_weight and len(tiles(height, width, tile_side(settings, stage))) > 1:
            raise SettingError(
                "histogram_weight",
                f"`histogram_weight` needs the whole picture at once, {width}x{height}: "
                f"give `tile` {max(height, width)}, where memory allows, or a smaller `size`",
            )


def too_small(layers: Sequence[str], height: int, width: int, source: tuple[int, int] | None = None) -> str:
    """Say of a picture too small for some layers all that mends it. source: as in `check_plan`; it has the true proportions."""
    deepest, side = max(layers, key=reach), min(height, width)
    need = reach(deepest)
    longer, shorter = max(source or (width, height)), min(source or (width, height))
    enlarged = math.ceil(longer * need / shorter)
    last = max((name for name in CONVS if reach(name) <= side), key=CONVS.index)
    size = f"`size` {enlarged} or more, or " if enlarged * need <= Limits().pixels else ""
    return (
        f"{deepest} needs a picture of at least {need} px a side, not {width}x{height}: give {size}layers up to {last} alone in both "
        "`style_layers` and `content_layers`"
    )
