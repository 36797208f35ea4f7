"""The panel: one picture, photo and painting to a page of numbers. docs/judging.md says what each can and cannot see."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from atelier.errors import SettingError, WeightsError
from atelier.image import Image, Limits, fit, resize
from atelier.image.value import Pixels
from atelier.judging import defects
from atelier.judging.distances import edge_correlation, luminance, palette_distance, patch_distance, sample_colors, sample_patches, ssim
from atelier.judging.features import GRAM_LAYERS, Eyes, Seen, held_out_distance, strokes, structure_distance, style_errors
from atelier.media import open_still
from atelier.perception.store import find
from atelier.progress import Progress, Report, silent
from atelier.request import plain

SMALLEST, LARGEST = 16, 4096
"""Sides of a picture that can be judged, px."""
FEATURES = "auto"
"""The network that looks unless told otherwise: VGG-19 where its weights are, else pocket."""
SEEN = ("strokes", "style_error", *GRAM_LAYERS, "held_out", "content_error", "structure")
"""Numbers of the verdict that only a network can tell."""
GRID_SEEN, GRID_VISIBLE = 6.0, 0.5
"""A grid is spoken of from so many dB and so many levels of 255 on; without a grid photos stay under these (docs/judging.md)."""


def measure(group: str, title: str, better: str, form: str = ".3f") -> Any:
    """Declare a number of the verdict. better: "lower" or "higher". form: how a table writes it."""
    return field(metadata={"group": group, "title": title, "better": better, "form": form})


@dataclass(frozen=True)
class Verdict:
    """Plain numbers about one picture. Entries that need a network are None without one, `grid` entries in pictures too small.

    width, height: of what was judged, px: the photo's, at the size asked for. features: the network that looked, if one did.
    grid_period: of the strongest line of a grid, px; it means something where grid_peak is large. notes: words for the user.
    """

    width: int
    height: int
    features: str | None
    seed: int
    grid_period: int | None
    strokes: float | None = measure("style", "strokes", "lower")
    style_error: float | None = measure("style", "Gram error, mean", "lower")
    conv1_1: float | None = measure("style", "  at conv1_1", "lower")
    conv2_1: float | None = measure("style", "  at conv2_1", "lower")
    conv3_1: float | None = measure("style", "  at conv3_1", "lower")
    conv4_1: float | None = measure("style", "  at conv4_1", "lower")
    conv5_1: float | None = measure("style", "  at conv5_1", "lower")
    held_out: float | None = measure("style", "features held out", "lower")
    patches: float = measure("style", "patches", "lower")
    content_error: float | None = measure("content", "feature error", "lower")
    structure: float | None = measure("content", "self-similarity", "lower")
    ssim: float = measure("content", "SSIM", "higher")
    edges: float = measure("content", "edges", "higher")
    palette: float = measure("palette", "distance, ΔE", "lower", ".1f")
    grid_peak: float | None = measure("defects", "grid, dB", "lower", ".1f")
    grid_levels: float | None = measure("defects", "grid, levels of 255", "lower", ".2f")
    clipped: float = measure("defects", "clipped", "lower", ".1%")
    clipped_added: float = measure("defects", "  not so in the photo", "lower", ".1%")
    flat: float = measure("defects", "flat", "lower", ".1%")
    flat_added: float = measure("defects", "  not so in the photo", "lower", ".1%")
    grey: float = measure("defects", "grey patches", "lower", ".1%")
    grey_added: float = measure("defects", "  not so in the photo", "lower", ".1%")
    notes: tuple[str, ...] = ()

    def to_json(self, **more: Any) -> str:
        """Write as one line of JSON. more: further entries."""
        return json.dumps({**dataclasses.asdict(self), **more}, ensure_ascii=False, default=plain)


def measures() -> dict[str, dict[str, str]]:
    """List every measure in the order of a table: name -> group, title, better ("lower" or "higher") and form."""
    return {each.name: dict(each.metadata) for each in dataclasses.fields(Verdict) if each.metadata}


class Judge:
    """A photo and a painting, looked at once, then called with one picture after the other. The same seed, the same numbers."""

    _eyes: Eyes | None
    _photo_seen: Seen | None
    _painting_seen: Seen | None

    def __init__(
        self,
        content: Image | str | Path,
        style: Image | str | Path,
        *,
        size: int = 512,
        features: str = FEATURES,
        seed: int = 0,
        limits: Limits = Limits(),
        report: Report = silent,
    ) -> None:
        """Look at photo and painting: pictures, or paths and URLs of them.

        size: long side that both are looked at in, px. features: auto (vgg19 where its weights are, else pocket, with a note),
        vgg19, pocket, a safetensors file, or none. What is transparent is laid over white. Without torch the network's entries
        are None, and a note says so.

        Raises SettingError for a size out of range, or a picture so long that its short side would be under 16 px; SourceError,
        ImageError; WeightsError where the network's weights are not to be had.
        """
        if isinstance(size, bool) or not isinstance(size, int) or not SMALLEST <= size <= LARGEST:
            raise SettingError("size", f"must be from {SMALLEST} to {LARGEST}", repr(size))
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise SettingError("seed", "must be a whole number", repr(seed))
        self.seed, self._limits, self._report = seed, limits, report
        self._key = seed % 2**64
        self._photo, painting = self._open(content), self._open(style)
        self._size = _fit(self._photo, size, "the photo")
        self.content = resize(self._photo, self._size)
        self.style = resize(painting, _fit(painting, size, "the painting"))
        self._photo_luminance = luminance(self.content.pixels)
        self._painting_patches = sample_patches(self.style.pixels, self._key)
        self._painting_colors = sample_colors(self.style.pixels, self._key)
        self._features, self._notes = _choose(features)
        self._eyes = self._photo_seen = self._painting_seen = None
        if self._features is not None:
            report(Progress("judging", subject=self._features))
            self._eyes = Eyes(self._features)
            self._photo_seen, self._painting_seen = (self._eyes.look(each.pixels, self._key) for each in (self.content, self.style))

    def __call__(self, picture: Image | str | Path) -> Verdict:
        """Judge one picture. One of other proportions than the photo's is resized to them, with a note.

        Raises SourceError, ImageError, and SettingError where a side is under 16 px.
        """
        own = self._open(picture)
        if min(own.size) < SMALLEST:
            raise SettingError("size", f"a picture of {own.size[0]}x{own.size[1]} px is too small to judge: it needs {SMALLEST} px a side")
        pixels = resize(own, self._size).pixels
        grid = defects.grid(own.pixels, resize(self._photo, own.size).pixels)
        return Verdict(
            width=self._size[0], height=self._size[1], features=self._features, seed=self.seed,
            notes=(*self._notes, *self._note_proportions(own), *_note_grid(grid)),
            **self._look(pixels), **self._compare(pixels), **_grid(grid), **_defects(pixels, self.content.pixels),
        )  # fmt: skip

    def extremes(self) -> tuple[Verdict, Verdict]:
        """Judge the photo and the painting themselves: the ends between which all others lie."""
        return self(self._photo), self(resize(self.style, self._size))

    def _open(self, picture: Image | str | Path) -> Image:
        image = picture if isinstance(picture, Image) else open_still(picture, self._limits, self._report)
        return image.flat()

    def _look(self, pixels: Pixels) -> dict[str, Any]:
        """The numbers that the network tells of pixels (H, W, 3) of the judged size; None where there is none."""
        if self._eyes is None or self._photo_seen is None or self._painting_seen is None:
            return dict.fromkeys(SEEN)
        seen = self._eyes.look(pixels, self._key)
        errors = style_errors(seen, self._painting_seen)
        return {
            "strokes": strokes(errors),
            "style_error": float(np.mean(list(errors.values()))),
            **errors,
            "held_out": held_out_distance(seen, self._painting_seen, self._key),
            "content_error": self._eyes.content_error(seen, self._photo_seen),
            "structure": structure_distance(seen, self._photo_seen),
        }

    def _compare(self, pixels: Pixels) -> dict[str, Any]:
        """The numbers that need no network, of pixels (H, W, 3) of the judged size."""
        own = luminance(pixels)
        return {
            "patches": patch_distance(sample_patches(pixels, self._key), self._painting_patches, self._key),
            "palette": palette_distance(sample_colors(pixels, self._key), self._painting_colors, self._key),
            "ssim": ssim(own, self._photo_luminance),
            "edges": edge_correlation(own, self._photo_luminance),
        }

    def _note_proportions(self, picture: Image) -> tuple[str, ...]:
        expected = fit(self._photo.size, max(picture.size))
        if max(abs(a - b) for a, b in zip(expected, picture.size, strict=True)) <= 1:
            return ()
        width, height = picture.size
        return (f"{width}x{height} is of other proportions than the photo: resized to {self._size[0]}x{self._size[1]}",)


def judge(
    picture: Image | str | Path,
    content: Image | str | Path,
    style: Image | str | Path,
    *,
    size: int = 512,
    features: str = FEATURES,
    seed: int = 0,
    limits: Limits = Limits(),
    report: Report = silent,
) -> Verdict:
    """Judge one picture that was painted from a photo like a painting. See `Judge`, which is for several."""
    return Judge(content, style, size=size, features=features, seed=seed, limits=limits, report=report)(picture)


def _fit(image: Image, size: int, what: str) -> tuple[int, int]:
    """Width and height at a long side of `size`. Raises SettingError where the short side is too small."""
    sides = fit(image.size, size)
    if min(sides) < SMALLEST:
        least = math.ceil(SMALLEST * max(image.size) / min(image.size))
        raise SettingError(
            "size", f"{what} is {sides[0]}x{sides[1]} px at `size` {size}, and {SMALLEST} px a side are needed: give `size` {least} or more"
        )
    return sides


def _grid(grid: defects.Grid | None) -> dict[str, Any]:
    if grid is None:
        return dict.fromkeys(("grid_peak", "grid_levels", "grid_period"))
    return {"grid_peak": grid.peak, "grid_levels": grid.levels, "grid_period": grid.period}


def _note_grid(grid: defects.Grid | None) -> tuple[str, ...]:
    if grid is None:
        return (f"too small to look for grids, which takes {defects.SMALLEST} px a side",)
    if grid.peak >= GRID_SEEN and grid.levels >= GRID_VISIBLE:
        return (f"there is a grid of {grid.period} px in it, {grid.levels:.1f} levels of 255 strong",)
    return ()


def _defects(pixels: Pixels, photo: Pixels) -> dict[str, Any]:
    """Shares of clipped, flat and grey, and of what is so where the photo is not. Both (H, W, 3)."""
    found: dict[str, Any] = {}
    for name, look in (("clipped", defects.clipped), ("flat", defects.flat), ("grey", defects.grey)):
        found[name], found[f"{name}_added"] = defects.shares(look(pixels), look(photo))
    return found


def _choose(features: str) -> tuple[str | None, tuple[str, ...]]:
    """Choose the network that looks, or none, with notes about it."""
    if features == "none":
        return None, ()
    try:
        import torch  # noqa: F401  (asked for here, so that a fault inside it is not taken for its absence)
    except ModuleNotFoundError:
        return None, ("PyTorch is not installed, so no network looked: pip install 'atelier[torch]'",)
    if features != FEATURES:
        return features, ()
    try:
        find("vgg19")
    except WeightsError:
        return "pocket", ("pocket looked, as VGG-19 is not here; their numbers do not compare: atelier weights pull vgg19",)
    return "vgg19", ()
