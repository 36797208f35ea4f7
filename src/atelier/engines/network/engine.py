"""Painting by a trained network: photo and styles in, picture out, in a second or two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from atelier.engines.network.catalogue import Entry, left_as_it_is, models_folder
from atelier.engines.network.painter import THUMBNAIL, TILE, Numbers, Painter, planes
from atelier.engines.network.runner import Runner, open_model
from atelier.engines.network.tiles import Read
from atelier.errors import SettingError
from atelier.image import Image, Limits, decode, fit, resize
from atelier.image.recolour import Floats, Moments, linear_map, moments, transport
from atelier.image.spaces import SPACES
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings

STYLE_SIDE = 512
"""Long side at which a painting is read, px: what the reader was trained at."""
STRETCH = 4.0
"""How much colours are spread at the most: a grey photo has nothing to spread."""
RIDGE = 1e-3
"""Share of the mean variance that is added to every feature's, in training as here: some features of a small picture never vary."""
LARGEST_WORK = Limits().pixels
"""Strokes so small that the photo would have to be painted at more pixels than this are refused."""
FADE = 0.25
"""Up to this strength the photo itself shines through; beyond, the network alone does what the strength says."""
LAYERS = ("conv3_1", "conv4_1")


@dataclass(frozen=True)
class Look:
    """What a picture is to the networks. features: of what pocket sees at LAYERS; empty where the body does not ask."""

    numbers: Numbers
    colours: Moments
    features: tuple[Moments, ...] = ()

    @classmethod
    def mean(cls, looks: Sequence[Look], shares: Sequence[float]) -> Look:
        def of(each: Sequence[Moments]) -> Moments:
            means = [share * one.mean for share, one in zip(shares, each, strict=True)]
            covariances = [share * one.covariance for share, one in zip(shares, each, strict=True)]
            return Moments(np.sum(means, axis=0), np.sum(covariances, axis=0))

        numbers = np.sum([share * look.numbers for share, look in zip(shares, looks, strict=True)], axis=0).astype(np.float32)
        features = tuple(of(each) for each in zip(*(look.features for look in looks), strict=True))
        return cls(numbers, of([look.colours for look in looks]), features)


class InstantEngine:
    """Built once from styles, settings, device and seed; then called per picture.

    styles: entries of the catalogue, or paintings, with weights. Entries alone are painted by the body that was trained on
    named styles; as soon as a painting is among them, by the body for any. Raises WeightsError, SettingError.
    """

    def __init__(
        self, styles: Sequence[tuple[Entry | Image, float]], settings: InstantSettings, device: str = "auto", seed: int = 0
    ) -> None:
        total = sum(weight for _, weight in styles)
        if not styles or not total > 0:
            raise SettingError("nothing to paint with: give a style with a weight over 0")
        self.settings, self.device, self.seed = settings, device, seed
        self.named = all(isinstance(style, Entry) for style, _ in styles)
        self.painter = Painter(self.model("styles" if self.named else "painter"))
        self.look = Look.mean([self.seen(style) for style, _ in styles], [weight / total for _, weight in styles])

    def model(self, name: str) -> Runner:
        return open_model(models_folder() / f"{name}.onnx", device=self.device, backend=self.settings.backend)

    @cached_property
    def reader(self) -> Runner:
        return self.model("reader")

    @cached_property
    def roots(self) -> dict[str, Floats]:
        """Of the style's covariances."""
        return {name: root(features.covariance) for name, features in zip(LAYERS, self.look.features, strict=True)}

    def seen(self, style: Entry | Image) -> Look:
        if isinstance(style, Entry):
            if self.named:
                return Look(style.numbers, style.colours)
            if not style.swatch:
                raise SettingError(f"the style {style.name} cannot be mixed with paintings: it has no picture in it")
            style = decode(style.swatch)
        return self.read(np.asarray(resize(style, fit(style.size, STYLE_SIDE)).pixels))

    def read(self, pixels: Pixels) -> Look:
        """What the reader reads off a picture, repeated where it is too small for that."""
        repeats = [-(-16 // n) for n in pixels.shape[:2]]
        found = self.reader(painting=planes(np.tile(pixels, (*repeats, 1))))
        named = dict(zip((port.name for port in self.reader.outputs), found, strict=True))
        features = tuple(Moments(named[f"mean_{name}"][0].astype(float), named[f"covariance_{name}"][0].astype(float)) for name in LAYERS)
        return Look(named["numbers"][0], moments(pixels, SPACES["rgb"]), features)

    def __call__(self, content: Image, *, report: Report = silent) -> Image:
        """Paint. The result has the content's size and, as it is, its alpha."""
        if self.settings.strength == 0:
            return content
        work = self.size_of(content.size)
        photo = resize(replace(content, alpha=None), work)
        small = photo if max(work) <= THUMBNAIL else resize(photo, fit(work, THUMBNAIL))
        out = np.empty((work[1], work[0], 3), np.float32)
        read: Read = lambda x, y, w, h: photo.pixels[y : y + h, x : x + w]  # noqa: E731
        for x, y, part in self.windows(read, work, np.asarray(small.pixels), report):
            out[y : y + part.shape[0], x : x + part.shape[1]] = part
        return replace(content, pixels=resize(replace(photo, pixels=out), content.size).pixels)

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """What a photo is painted at: strokes twice as large are those of a picture half as large."""
        if self.settings.style_size == 1:
            return size
        work = fit(size, max(16, round(max(size) / self.settings.style_size)))
        if work[0] * work[1] > max(LARGEST_WORK, size[0] * size[1]):
            raise SettingError(
                f"--style-size {self.settings.style_size:g} would paint {work[0]}x{work[1]} px, over the limit of {LARGEST_WORK:,} pixels"
            )
        return work

    def windows(self, read: Read, size: tuple[int, int], small: Pixels, report: Report = silent) -> Iterator[tuple[int, int, Pixels]]:
        """Paint a photo window by window, row by row: x, y, painted pixels (h, w, 3). read: gives its pixels; size: (width,
        height); small: the whole of it, THUMBNAIL px or less."""
        strength = self.settings.strength
        shown = min(1.0, strength / FADE)
        tile = self.settings.tile or TILE
        style = self.style(small)
        total = -(-size[0] // tile) * -(-size[1] // tile)
        for done, (x, y, part) in enumerate(self.painter.windows(read, size, small, style, seed=self.seed, tile=tile), 1):
            report(Progress("painting", done, max(total, done)))
            if shown < 1:
                under = read(x, y, part.shape[1], part.shape[0])
                part = under + np.float32(shown) * (part - under)
            yield x, y, part

    def style(self, small: Pixels) -> dict[str, Any]:
        """What the painter takes beside a photo, whose thumbnail is given: the style's numbers, and what makes colours and
        features as the style's are (Li et al. 2017, whitening and colouring), all as far as the strength says."""
        strength, look = self.settings.strength, self.look
        numbers = look.numbers
        taken: dict[str, Any] = {}
        own = None if self.named else self.read(small)
        if strength < 1:
            rest = own.numbers if own else left_as_it_is()
            numbers = rest + np.float32(strength) * (numbers - rest)
        colours = own.colours if own else moments(small, SPACES["rgb"])
        taken["colours"] = towards(*linear_map(colours, look.colours, transport, stretch=STRETCH), strength)
        if own:
            for name, of, to in zip(LAYERS, own.features, look.features, strict=True):
                matrix = self.roots[name] @ root(of.covariance, -0.5)
                taken[f"map_{name}"] = towards(matrix, to.mean - matrix @ of.mean, strength)
        return {"numbers": numbers[None].astype(np.float32), **taken}


def towards(matrix: Floats, offset: Floats, strength: float) -> Pixels:
    """(1, C, C + 1): matrix and offset, mixed with leaving all as it is."""
    whole = np.concatenate([matrix, offset[:, None]], axis=1)
    return (np.eye(*whole.shape) * (1 - strength) + whole * strength).astype(np.float32)[None]


def root(covariance: Floats, exponent: float = 0.5) -> Floats:
    """A power of a covariance, with the ridge that training had."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    power: Floats = (vectors * (values + RIDGE * values.mean()) ** exponent) @ vectors.T
    return power
