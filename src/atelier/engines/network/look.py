"""What a picture is to the networks: the look that a reader takes off it, mixed and brought to a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from atelier.engines.network.painter import StyleCode, planes
from atelier.engines.network.runner import Runner
from atelier.image.moments import Moments, linear_map, moments, transport
from atelier.image.pixels import Floats
from atelier.image.spaces import SPACES
from atelier.image.value import Pixels

STRETCH = 4.0
"""How much colours are spread at the most: a grey photo has nothing to spread."""
RIDGE = 1e-3
"""Share of the mean variance that is added to every feature's, in training as here: some features of a small picture never vary."""
LEAST_RIDGE = 1e-6
"""And at least: of a picture of one colour no feature varies."""
LAYERS = ("conv3_1", "conv4_1")


@dataclass(frozen=True)
class Look:
    """code: (N,) the style code. features: of what pocket sees at LAYERS; empty where the body does not ask. read: the share of the code
    that an encoder read, from 0 where all of it was fitted to its painting: colours drift as far as that."""

    code: StyleCode
    colors: Moments
    features: tuple[Moments, ...] = ()
    read: float = 1.0

    @classmethod
    def mean(cls, looks: Sequence[Look], shares: Sequence[float]) -> Look:
        """The looks mixed. shares: of each; they add up to 1."""

        def of(each: Sequence[Moments]) -> Moments:
            means = [share * one.mean for share, one in zip(shares, each, strict=True)]
            covariances = [share * one.covariance for share, one in zip(shares, each, strict=True)]
            return Moments(np.sum(means, axis=0), np.sum(covariances, axis=0))

        code = np.sum([share * look.code for share, look in zip(shares, looks, strict=True)], axis=0).astype(np.float32)
        features = tuple(of(each) for each in zip(*(look.features for look in looks), strict=True))
        read = sum(share * look.read for share, look in zip(shares, looks, strict=True))
        return cls(code, of([look.colors for look in looks]), features, read)


def read_look(reader: Runner, pixels: Pixels, *, code: bool = True) -> Look:
    """What the reader takes off a picture (H, W, 3), repeated where it is too small for that.

    Without code the look's means nothing, and reading takes a third of the time.
    """
    repeats = [-(-16 // n) for n in pixels.shape[:2]]
    picture = planes(np.tile(pixels, (*repeats, 1)))
    found = reader(painting=picture if code else picture[:, :, :16, :16], half=halve(picture))
    named = dict(zip((port.name for port in reader.outputs), found, strict=True))
    features = tuple(Moments(named[f"mean_{name}"][0].astype(float), named[f"covariance_{name}"][0].astype(float)) for name in LAYERS)
    return Look(named["numbers"][0], moments(pixels, SPACES["rgb"]), features)


def match(look: Look, rest: StyleCode, colors: Moments, own: Look | None, strength: float) -> dict[str, Any]:
    """What the painter takes beside a photo: the style code, and what makes colours and features as the look's are (Li et al.
    2017, whitening and colouring), all as far as the strength says.

    rest: the style code with which the photo stays as it is. colours: the photo's. own: what the reader takes off the photo, for a
    body that asks for features.
    """
    code = look.code if strength == 1 else rest + np.float32(strength) * (look.code - rest)
    taken: dict[str, Any] = {"numbers": code[None].astype(np.float32)}
    taken["colours"] = blend_map(*linear_map(colors, look.colors, transport, stretch=STRETCH), strength)
    if own:
        for name, of, to in zip(LAYERS, own.features, look.features, strict=True):
            matrix = power(to.covariance) @ power(of.covariance, -0.5)
            taken[f"map_{name}"] = blend_map(matrix, to.mean - matrix @ of.mean, strength)
    return taken


def halve(picture: Pixels) -> Pixels:
    """(1, 3, H, W) at half the size, each pixel the mean of four; an odd row or column at the end is left out."""
    height, width = (n // 2 * 2 for n in picture.shape[2:])
    corners = (picture[:, :, row:height:2, column:width:2] for row in (0, 1) for column in (0, 1))
    return np.ascontiguousarray(np.mean(list(corners), axis=0, dtype=np.float32))


def blend_map(matrix: Floats, offset: Floats, strength: float) -> Pixels:
    """(1, C, C + 1): matrix and offset, mixed with leaving all as it is."""
    whole = np.concatenate([matrix, offset[:, None]], axis=1)
    return (np.eye(*whole.shape) * (1 - strength) + whole * strength).astype(np.float32)[None]


def power(covariance: Floats, exponent: float = 0.5) -> Floats:
    """A power of a covariance, with the ridge that training had."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    found: Floats = (vectors * (values + max(RIDGE * values.mean(), LEAST_RIDGE)) ** exponent) @ vectors.T
    return found
