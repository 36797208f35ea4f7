"""What the command writes: networks that ship, and plain models of styles by name."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from atelier.engines.network.catalogue import Entry, entry, every, models_folder
from atelier.engines.network.look import Look
from atelier.errors import SettingError, SourceError, WeightsError
from atelier.request.near import did_you_mean
from atelier.training.export.plain import plain_model
from atelier.training.export.reading import open_network, read_painter

NETWORKS = ("painter", "styles", "reader")


def shipped_network(name: str) -> bytes:
    """A model that ships, as it is. Raises SettingError for another name, WeightsError where it is not there."""
    if name not in NETWORKS:
        raise SettingError("network", f"choose from {', '.join(NETWORKS)}", name)
    path = models_folder() / f"{name}.onnx"
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): install atelier anew") from error


def style_model(
    styles: Sequence[tuple[str, float]], *, size: tuple[int, int] | None = None, half: bool = False, half_ends: bool = False, seed: int = 0
) -> bytes:
    """`plain_model` of styles by name, or files of styles, with their weights, and the painter that ships.

    Metadata: `title`, `painter` and `year` of the styles, `atelier.styles` (JSON, name -> share), and what the painter's
    file says of itself, such as its licence and how it was trained.

    Raises SourceError for a name that is none, SettingError for weights and options that make no sense, WeightsError.
    """
    total = sum(weight for _, weight in styles)
    if not styles or not total > 0 or any(not 0 <= weight < np.inf for _, weight in styles):
        raise SettingError("styles", "nothing to export: name a style with a weight over 0; see atelier styles")
    entries = [found(name) for name, _ in styles]
    shares = [weight / total for _, weight in styles]
    look = Look.mean([Look(entry.code, entry.colors) for entry in entries], shares)
    painter = shipped_network("styles")
    tensors, plan = read_painter(painter)
    said = {
        each.key: each.value
        for each in open_network(painter, "painter").metadata_props
        if each.key not in ("atelier.kind", "atelier.plan", "atelier.example")
    }
    credits = {name: "; ".join(dict.fromkeys(filter(None, (getattr(e, name) for e in entries)))) for name in ("title", "painter", "year")}
    blend = json.dumps({entry.name: round(share, 6) for entry, share in zip(entries, shares, strict=True)})
    metadata = {**said, **{name: value for name, value in credits.items() if value}, "atelier.styles": blend}
    return plain_model(tensors, plan, look.code, look.colors, size=size, half=half, half_ends=half_ends, seed=seed, metadata=metadata)


def found(name: str) -> Entry:
    if style := entry(name):
        return style
    names = [each.name for each in every()]
    hint = did_you_mean(name, names) or f"the names are {', '.join(names)}"
    raise SourceError(f"there is no style {name}: {hint}. Of a painting of your own, make a style with atelier train")
