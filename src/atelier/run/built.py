"""What an engine was built from: another one of the same would paint the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from atelier.engines.guide import Sample
from atelier.image import Image
from atelier.request import AnySettings


@dataclass(frozen=True, eq=False)
class Built:
    """All that an engine was built from; equal where another one would be the same."""

    kind: str
    settings: AnySettings
    device: str
    seed: int
    samples: tuple[Sample, ...]
    pictures: Mapping[str, Image]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Built):
            return NotImplemented
        plain = ("kind", "settings", "device", "seed")
        return (
            all(getattr(self, name) == getattr(other, name) for name in plain)
            and len(self.samples) == len(other.samples)
            and all(map(_alike, self.samples, other.samples))
            and self.pictures.keys() == other.pictures.keys()
            and all(_same(image.pixels, other.pictures[name].pixels) for name, image in self.pictures.items())
        )


def _alike(one: Sample, other: Sample) -> bool:
    """Whether the same is learned from two samples, for the same place."""

    def plain(sample: Sample) -> object:
        style = sample.picture
        named = None if isinstance(style, Image) else (style.name, style.swatch)
        return sample.weight, sample.region, sample.size, sample.strokes, named, sample.part is None, sample.code is None

    def arrays(sample: Sample) -> list[Any]:
        style, part = sample.picture, [each for each in (sample.part, sample.code) if each is not None]
        own = [style.pixels] if isinstance(style, Image) else [style.code, style.colors.mean, style.colors.covariance]
        return [*own, *part]

    return plain(one) == plain(other) and all(map(_same, arrays(one), arrays(other)))


def _same(one: Any, other: Any) -> bool:
    return one is other or np.array_equal(one, other)
