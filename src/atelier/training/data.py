"""Pictures to train with: found, opened, cropped, and what the losses see of each, kept once it is known.

All of it is a function of the files and the seed, so that a training that is resumed sees what it would have seen.
"""

from __future__ import annotations

import importlib.util
import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PIL_Image
from PIL import ImageOps
from torch import Tensor

from atelier.errors import AtelierError, ImageError, SourceError
from atelier.image.moments import Moments
from atelier.media import SUFFIXES, open_still
from atelier.perception.network import STYLE_LAYERS
from atelier.progress import Progress, Report, silent
from atelier.training.objective import GIVEN, Eye, Spread, colors, halved, padded

Bytes = NDArray[np.uint8]
"""(H, W, 3) sRGB."""
LOOK_SIZES = (300.0, 640.0)
"""Long sides at which the many paintings that a reader learns on are looked at, px: around that at which the engine reads them, 512."""
LARGEST_SPREAD = 1.26
"""Paintings by name are looked at in sizes from style_size / this to style_size times this."""
STEP = 16
"""Sides of whole photos are multiples of this."""
SHORTEST = 32
"""Photos with a shorter side than this, px, are left out: there is nothing in them but blur."""
FREE = (
    "astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "camera.png", "hubble_deep_field.jpg", "coins.png",
    "brick.png", "grass.png", "gravel.png",
)  # fmt: skip
"""Free photos that scikit-image comes with."""


# Files ----------------------------------------------------------------------------------------------------------------


def find(folder: Path, what: str) -> list[Path]:
    """All pictures below a folder, in order of name, whatever its layout (COCO's, WikiArt's, flat). Raises SourceError."""
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}: `{what}` takes a folder of pictures")
    hidden: Callable[[Path], bool] = lambda path: any(part.startswith(".") for part in path.relative_to(folder).parts)  # noqa: E731
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not hidden(path) and path.is_file())
    if not found:
        raise SourceError(f"there are no pictures in {folder}: `{what}` takes {', '.join(SUFFIXES)}, also in folders within")
    return found


def opened(path: Path, short: int) -> Bytes:
    """A picture, its short side at most `short`. Raises AtelierError for one that cannot be read."""
    if path.suffix.lower() in (".jpg", ".jpeg"):  # large ones are decoded at a fraction of their size
        try:
            with PIL_Image.open(path) as file:
                file.draft("RGB", (2 * short, 2 * short))
                picture = ImageOps.exif_transpose(file).convert("RGB")
        except (OSError, ValueError, SyntaxError, PIL_Image.DecompressionBombError) as error:
            raise ImageError(f"{path} cannot be read: {error}") from error
    else:
        picture = PIL_Image.fromarray(np.round(open_still(path).pixels * 255).astype(np.uint8))
    if (scale := short / min(picture.size)) < 1:
        picture = picture.resize(
            (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), PIL_Image.Resampling.LANCZOS
        )
    return np.asarray(picture)


@dataclass
class Opening:
    """Opens pictures one after the other, leaves out those that cannot be used, and says so. left_out: how many."""

    what: str
    short: int
    least: int = 1
    report: Report = silent
    left_out: int = 0

    def __call__(self, paths: Sequence[Path]) -> Iterator[tuple[int, Bytes]]:
        """Place in the list, pixels. Raises SourceError where not one can be used."""
        good, why = 0, ""
        for at, path in enumerate(paths):
            self.report(Progress("opening", at + 1, len(paths), subject=self.what))
            try:
                image = opened(path, self.short)
                if min(image.shape[:2]) < self.least:
                    raise ImageError(f"{path} is {image.shape[1]}x{image.shape[0]} px, too small to learn from")
            except AtelierError as error:
                self.left_out += 1
                why = why or str(error)
                if self.left_out <= 3:
                    self.report(Progress("opening", subject=self.what, note=f"left out: {error}"))
                continue
            good += 1
            yield at, image
        if not good:
            raise SourceError(f"not one of the {len(paths)} {self.what} can be used: {why}")
        if self.left_out > 3:
            self.report(Progress("opening", subject=self.what, note=f"{self.left_out} of {len(paths)} {self.what} left out"))


def some(paths: Sequence[Path], most: int, seed: int) -> list[Path]:
    """At most so many of them, spread over all."""
    if len(paths) <= most:
        return list(paths)
    return [paths[i] for i in sorted(np.random.default_rng((seed, 0)).permutation(len(paths))[:most])]


# Crops ----------------------------------------------------------------------------------------------------------------


def photo_crops(images: Iterator[tuple[int, Bytes]], each: int, size: int, seed: int) -> list[Tensor]:
    """Crops (3, size, size) uint8, so many of each photo, at random scales and places, half of them mirrored."""
    out = []
    for at, image in images:
        for turn in range(each):
            rng = np.random.default_rng((seed, 1, at, turn))
            side = round(min(image.shape[:2]) * math.exp(rng.uniform(math.log(0.55), 0.0)))
            y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape[:2])
            crop = PIL_Image.fromarray(image[y : y + side, x : x + side]).resize((size, size), PIL_Image.Resampling.BICUBIC)
            out.append(planes(np.asarray(crop)[:, :: 1 if rng.random() < 0.5 else -1]))
    return out


def whole_photos(images: Iterator[tuple[int, Bytes]], sides: tuple[float, float], seed: int) -> list[Tensor]:
    """Take every photo as a whole, (3, H, W) uint8, half of them mirrored. sides: least and greatest long side, px; both sides become
    multiples of 16."""
    out = []
    for at, image in images:
        rng = np.random.default_rng((seed, 7, at))
        scale = math.exp(rng.uniform(math.log(sides[0]), math.log(sides[1]))) / max(image.shape[:2])
        height, width = (max(2 * STEP, round(n * scale / STEP) * STEP) for n in image.shape[:2])
        whole = PIL_Image.fromarray(image).resize((width, height), PIL_Image.Resampling.LANCZOS)
        out.append(planes(np.asarray(whole)[:, :: 1 if rng.random() < 0.5 else -1]))
    return out


def calm_photos(count: int, side: int, seed: int) -> Iterator[tuple[int, Bytes]]:
    """Pictures (side, side, 3) of skies, walls and paper: one light over all of it, hardly any grain, at most a few things. A network that
    never sees them fills such places with a pattern of its own. Numbered from a million on, so as not to share a photo's chance."""
    y, x = np.mgrid[:side, :side] / side
    for turn in range(count):
        rng = np.random.default_rng((seed, 8, turn))
        paper = rng.choice([0.0, 1.0, rng.uniform()]) if rng.random() < 0.3 else rng.uniform(0, 1, 3)
        light = (x - 0.5) * rng.uniform(-0.4, 0.4) + (y - 0.5) * rng.uniform(-0.4, 0.4)
        out = np.broadcast_to(paper, (side, side, 3)) + (rng.random() < 0.7) * light[..., None]
        for _ in range(int(rng.integers(0, 4))):
            cx, cy, r, squeeze = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.3), rng.uniform(0.3, 1)
            distance = np.hypot((x - cx) / squeeze, y - cy) if rng.random() < 0.5 else np.maximum(abs(x - cx) / squeeze, abs(y - cy))
            cover = np.clip((r - distance) / rng.uniform(0.003, 0.1), 0, 1)[..., None]
            out = out * (1 - cover) + rng.uniform(0, 1, 3) * cover
        out = out + rng.choice([0.0, 0.01, 0.03]) * rng.standard_normal((side, side, 1))
        yield 1_000_000 + turn, np.round(np.clip(out, 0, 1) * 255).astype(np.uint8)


def painting_looks(image: Bytes, count: int, long: tuple[float, float], seed: int, at: int, varied: float = 0.0) -> list[Tensor]:
    """So many looks (3, H, W) uint8 at a painting: the whole at the size in the middle, then parts at sizes, long sides of the whole
    in px, from `long`. Small paintings are doubled at the most. varied: share of the parts that are changed into a style that no
    painting has (`variation`)."""
    picture = PIL_Image.fromarray(image)
    out = []
    for turn in range(count):
        rng = np.random.default_rng((seed, 2, at, turn))
        side, part = math.sqrt(long[0] * long[1]), picture
        if turn:
            side = math.exp(rng.uniform(math.log(long[0]), math.log(long[1])))
            w, h = (min(n, max(16, round(n * s))) for n, s in zip(picture.size, rng.uniform(0.6, 1.0, 2), strict=True))
            x, y = int(rng.integers(0, picture.width - w + 1)), int(rng.integers(0, picture.height - h + 1))
            part = picture.crop((x, y, x + w, y + h))
        scale = min(side / max(picture.size), 2.0)
        width, height = (max(32, round(n * scale)) for n in part.size)
        look = np.asarray(part.resize((width, height), PIL_Image.Resampling.LANCZOS))
        out.append(planes(variation(look, rng) if turn and rng.random() < varied else look))
    return out


def variation(look: Bytes, rng: np.random.Generator) -> Bytes:
    """A look (H, W, 3) in other colours, some of them as a negative, of more or less contrast, and turned or mirrored: strokes that are as
    real as the painting's, in a style that a reader has not met."""
    colors = look.astype(np.float32)[..., rng.permutation(3)] / 255
    if rng.random() < 0.25:
        colors = 1 - colors
    mean = colors.mean((0, 1))
    colors = mean + (colors - mean) * math.exp(rng.uniform(-0.35, 0.2)) + rng.uniform(-0.12, 0.12, 3).astype(np.float32)
    turned = np.rot90(colors, int(rng.integers(4)))[:, :: 1 if rng.random() < 0.5 else -1]
    return np.round(turned.clip(0, 1) * 255).astype(np.uint8)


def planes(image: Bytes) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)


# What is seen of them -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What is known of one picture: Gram matrices (C, C) as the losses see them, of paintings, and as the reader takes them; colours,
    spreads of the features that are given; of photos also content features and whitened features, in half precision. Empty where
    nobody asks."""

    grams: dict[str, Tensor]
    read: dict[str, Tensor]
    colors: Moments
    spreads: list[Spread]
    content: Tensor
    white: list[Tensor]


class Pictures:
    """Pictures in memory, each (3, H, W) uint8, and looks at them. eye: the losses'. giver: what a painter is given is seen through,
    pocket, borders included; the same network if None. read: whether a reader is to read them. names: of paintings by name; each: of
    each photo, or painting by name, that many in a row."""

    def __init__(
        self, pixels: list[Tensor], eye: Eye, giver: Eye | None = None,
        *, photos: bool, seen: bool = False, read: bool = True, names: Sequence[str] = (), each: int = 1,
    ) -> None:  # fmt: skip
        self.pixels, self.eye, self.giver, self.photos, self.seen, self.names, self.each = (
            pixels, eye, giver or Eye(eye.network, border=0), photos, seen, tuple(names), each,
        )  # fmt: skip
        self.read = read
        self._looks: dict[int, Look] = {}

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def digest(self) -> int:
        """Of all pixels."""
        value = 0
        for picture in self.pixels:
            value = zlib.crc32(np.ascontiguousarray(picture.numpy()).data, value)
        return value

    def batch(self, indices: Sequence[int]) -> Tensor:
        """(B, 3, H, W) in [0, 1], on the eye's device; of pictures of one size."""
        return torch.stack([self.pixels[i] for i in indices]).to(self.eye.device).float() / 255

    def look(self, index: int) -> Look:
        """One at a time, so that it does not depend on the others in a batch, down to the last bit."""
        if index not in self._looks:
            x = self.batch([index])
            with torch.no_grad():
                sight = self.eye(x, () if self.photos else STYLE_LAYERS)
                read: Mapping[str, Tensor] = {}
                if self.read:
                    read = self.giver(x).grams
                features = dict.fromkeys(GIVEN, x)
                if self.seen:  # the painter sees photos with a margin, so these are their features
                    features = self.giver.network.see(halved(padded(x) if self.photos else x), GIVEN)
                spreads = [Spread.of(features[name][0]) for name in GIVEN] if self.seen else []
                white = [s.whitened(features[n][0]).half().cpu() for s, n in zip(spreads, GIVEN, strict=False)] if self.photos else []
            content = sight.content[0].half().cpu() if self.photos else torch.empty(0)
            grams, asked = ({name: gram[0].cpu() for name, gram in each.items()} for each in (sight.grams, read))
            self._looks[index] = Look(grams, asked, colors(x[0]), spreads, content, white)
        return self._looks[index]


def stacked(looks: Sequence[Look], of: Callable[[Look], Tensor], device: Any) -> Tensor:
    return torch.stack([of(look) for look in looks]).float().to(device)


# Photos for who has none ----------------------------------------------------------------------------------------------


def free_photos(painting: Bytes, seed: int, short: int) -> Iterator[tuple[int, Bytes]]:
    """scikit-image's photos where it is installed, pictures composed of gradients, noise and shapes, and the painting itself."""
    folder = Path(spec.origin).parent / "data" if (spec := importlib.util.find_spec("skimage")) and spec.origin else None
    files = [folder / name for name in FREE if (folder / name).is_file()] if folder else []
    at = 0
    for path in files:
        yield at, opened(path, short)
        at += 1
    for turn in range(12 if files else 36):
        yield at, composed(np.random.default_rng((seed, 5, turn)), short)
        at += 1
    yield at, painting if min(painting.shape[:2]) >= SHORTEST else composed(np.random.default_rng((seed, 6)), short)


def composed(rng: np.random.Generator, side: int) -> Bytes:
    """A picture (side, side, 3) of what photos are made of: light that changes slowly, grain whose spectrum falls as 1/f^a (Field 1987),
    and things with edges and patterns in front of each other."""
    y, x = np.mgrid[:side, :side] / side

    def grain(power: float) -> NDArray[np.float64]:
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
        frequency[0, 0] = 1.0
        wave = np.fft.rfft2(rng.standard_normal((side, side))) / frequency**power
        wave[0, 0] = 0
        field = np.fft.irfft2(wave, s=(side, side))
        return np.asarray(field / field.std())

    def surface() -> NDArray[np.float64]:
        angle, color, other = rng.uniform(0, 2 * math.pi), rng.uniform(0, 1, 3), rng.uniform(0, 1, 3)
        slope = np.clip(0.5 + (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle), 0, 1)
        if rng.random() < 0.3:
            slope = 0.5 + 0.5 * np.sin(2 * math.pi * rng.uniform(4, 40) * slope)
        mixed = slope[..., None] * color + (1 - slope[..., None]) * other
        return np.asarray(mixed + rng.uniform(0.02, 0.2) * grain(rng.uniform(0.6, 1.8))[..., None] * rng.uniform(0.6, 1, 3))

    out = surface()
    for _ in range(int(rng.integers(3, 9))):
        cx, cy, r, squeeze, soft = (
            rng.uniform(0, 1),
            rng.uniform(0, 1),
            rng.uniform(0.05, 0.4),
            rng.uniform(0.4, 1),
            rng.uniform(0.002, 0.05),
        )
        distance = np.hypot((x - cx) / squeeze, y - cy) if rng.random() < 0.6 else np.maximum(abs(x - cx) / squeeze, abs(y - cy))
        cover = np.clip((r + 0.1 * r * grain(1.6) * (rng.random() < 0.5) - distance) / soft, 0, 1)[..., None]
        out = out * (1 - cover) + surface() * cover
    return np.round(np.clip(out, 0, 1) * 255).astype(np.uint8)
