"""Layers by name, with weights, and what of a picture they can see."""

from __future__ import annotations

from atelier.errors import SettingError
from atelier.perception.network import layer_name
from atelier.request import LayerWeights, Settings

COARSE = 8
"""Strokes are coarse from a layer whose cells are this wide, px of the full size: those of block 4 there, of block 3 at half of it."""


def gives(strokes: str, layer: str, share: float = 1.0) -> bool:
    """Whether such strokes of a painting are on a layer (of two that are chained, by the first), in a picture of this share of the full
    size. What is coarse goes by the full size: on a smaller scale even shallow layers draw large forms."""
    wide = 2 ** (int(layer[4]) - 1) >= COARSE * min(share, 1.0) * 0.99
    return strokes == "all" or (strokes == "coarse") == wide


def named(layers: LayerWeights, option: str) -> dict[str, float]:
    """Layer weights under canonical names, those of weight 0 left out."""
    out: dict[str, float] = {}
    for name, weight in layers.items():
        canonical = layer_name(name)
        if canonical in out:
            raise SettingError(option, f"layer {canonical} is given twice")
        if weight:
            out[canonical] = float(weight)
    return out


def wanted(settings: Settings, styled: bool) -> list[str]:
    """The layers that the losses look at, by canonical names. Raises SettingError where there is no loss at all."""
    asked = []
    for name, layers, on in (
        ("content", settings.content_layers, settings.content_weight > 0),
        ("style", settings.style_layers, styled and (settings.style_weight > 0 or settings.histogram_weight > 0)),
    ):
        if on and not (used := list(named(layers, f"{name}_layers"))):
            raise SettingError(f"{name}_layers", f"all have the weight 0; to leave the {name} out, give `{name}_weight=0`")
        asked += used if on else []
    if not asked and not settings.tv_weight:
        raise SettingError("styles", "nothing to paint towards: give a `style`, or `content_weight` above 0, and not all weights as 0")
    return asked


def reach(layer: str) -> int:
    """The least side, px, of a picture that a layer can see: one position is left of it."""
    return int(2 ** (int(layer[4]) - 1))


def level(layer: str) -> int:
    """How many poolings come before a layer."""
    return int(layer[4]) - 1


def stride(layer: str) -> int:
    """Pixels from one position of a layer to the next."""
    return int(2 ** level(layer))
