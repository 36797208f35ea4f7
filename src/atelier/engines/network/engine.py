"""Painting by a trained network: photo and styles in, picture out, in a second or two."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from atelier.engines.guide import Guide, Sample
from atelier.engines.network.catalogue import left_as_it_is, models_folder
from atelier.engines.network.painter import MULTIPLE, THUMBNAIL, TILE, Correct, Numbers, Painter, planes
from atelier.engines.network.places import middle, scaled, touching
from atelier.engines.network.runner import Runner, open_model
from atelier.engines.network.tiles import Read, Tiling, Window
from atelier.errors import ImageError, SettingError
from atelier.image import Image, Limits, decode, fit, resize
from atelier.image.moments import Moments, linear_map, moments, transport
from atelier.image.pixels import Floats
from atelier.image.spaces import SPACES
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings

STYLE_SIDE = 512
"""Long side at which a painting is read, px: what the reader was trained at."""
STRETCH = 4.0
"""How much colours are spread at the most: a grey photo has nothing to spread."""
CORRECTED, CORRECTED_STRETCH = 0.5, 2.0
"""How far the painted colours are taken to the style's mean and covariance, and how much they may be spread for that."""
RIDGE = 1e-3
"""Share of the mean variance that is added to every feature's, in training as here: some features of a small picture never vary."""
LEAST_RIDGE = 1e-6
"""And at least: of a picture of one colour no feature varies."""
LARGEST_WORK = Limits().pixels
"""Strokes so small that the photo would have to be painted at more pixels than this are refused."""
FADE = 0.25
"""Up to this strength the photo itself shines through; beyond, the network alone does what the strength says."""
LAYERS = ("conv3_1", "conv4_1")
LEAST = 96
"""Least side, px, of what a place's statistics are taken from: less is too few strokes."""
FEW = 400
"""Pixels of a place from which its colours are its own; fewer would make one of all the style's."""
SEEN = 2**17
"""Pixels of a photo that a place's colours are counted in, about: more tell no more."""


class Models:
    """The models that ship, by name: each is opened when it is first asked for, and once. They may be asked for in several threads.

    device, backend: as `open_model` takes them. Raises what it raises.
    """

    def __init__(self, device: str = "auto", backend: str = "auto") -> None:
        self.device, self.backend = device, backend
        self.runners: dict[str, Runner] = {}
        self.lock = threading.Lock()

    def __call__(self, name: str) -> Runner:
        with self.lock:
            if name not in self.runners:
                self.runners[name] = open_model(models_folder() / f"{name}.onnx", device=self.device, backend=self.backend)
            return self.runners[name]

    def begin(self, names: Sequence[str]) -> None:
        """Open models in another thread, while the caller does something else. What fails there fails again where it is asked for.

        A command that is refused meanwhile waits for it, for a tenth of a second or two: if Python ended while a runtime is being
        set up, the process would abort.
        """

        def opened() -> None:
            with contextlib.suppress(Exception):
                for name in names:
                    self(name)

        threading.Thread(target=opened, daemon=False).start()


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


@dataclass(frozen=True, eq=False)
class Brush:
    """What paints one place: the styles there, mixed. named: whether by the body for named styles. size: of its strokes."""

    painter: Painter
    look: Look
    named: bool
    size: float

    @cached_property
    def roots(self) -> dict[str, Floats]:
        """Of the style's covariances."""
        return {name: root(features.covariance) for name, features in zip(LAYERS, self.look.features, strict=True)}


class InstantEngine:
    """Built once from samples, settings, device, seed, guide and models; then called per picture.

    samples: entries of the catalogue, or paintings. Entries alone are painted by the body that was trained on named styles; as
    soon as a painting is among those of a place, by the body for any. guide: where each place is, for pictures of its size; without
    one all samples are painted everywhere. Raises WeightsError, SettingError.

    Each place is painted by itself, with its own statistics, in windows that see no more of the photo than they need, so none
    knows what is painted elsewhere; what is painted is then blended as the guide's planes say.
    """

    def __init__(
        self, samples: Sequence[Sample], settings: InstantSettings, device: str = "auto", seed: int = 0, guide: Guide | None = None,
        models: Models | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.device, self.seed, self.guide = settings, device, seed, guide
        self.model = models or Models(device, settings.backend)
        for sample in samples:
            if sample.strokes != "all":
                raise SettingError(
                    f"strokes={sample.strokes}: the trained networks take all of a painting's strokes; give --engine optimize"
                )
        if guide is None:
            groups = [list(samples)]
        else:
            groups = [[sample for sample in samples if sample.place == at] for at in range(len(guide.places))]
        self.brushes = [self.brush(group) for group in groups]

    def brush(self, samples: Sequence[Sample]) -> Brush:
        """The samples of one place, mixed."""
        total = sum(sample.weight for sample in samples)
        if not total > 0:
            raise SettingError("nothing to paint with: give a style with a weight over 0")
        sizes = sorted({sample.size for sample in samples})
        if len(sizes) > 1:
            raise SettingError(
                f"styles of one place with strokes of the sizes {sizes[0]:g} and {sizes[-1]:g}: the trained networks paint a place at one "
                "size; give --engine optimize"
            )
        named = all(not isinstance(sample.picture, Image) for sample in samples)
        painter = Painter(self.model("styles" if named else "painter"))
        look = Look.mean([self.seen(sample, named) for sample in samples], [sample.weight / total for sample in samples])
        return Brush(painter, look, named, sizes[0])

    def seen(self, sample: Sample, named: bool) -> Look:
        style = sample.picture
        if not isinstance(style, Image):
            if named:
                return Look(style.numbers, style.colours)
            if not style.swatch:
                raise SettingError(f"the style {style.name} cannot be mixed with paintings: it has no picture in it")
            style = decode(style.swatch)
        if sample.part is None:
            return self.read(np.asarray(resize(style, fit(style.size, STYLE_SIDE)).pixels))
        rows, columns = middle(sample.part)
        part = Image(np.ascontiguousarray(style.pixels[rows, columns]))
        # as large as it would be in the whole painting: its strokes are not to be read as larger ones
        side = max(1, round(max(part.size) * STYLE_SIDE / max(style.size)))
        look = self.read(np.asarray(resize(part, fit(part.size, side)).pixels))
        return replace(look, colours=moments(style.pixels, SPACES["rgb"], sample.part))

    def read(self, pixels: Pixels, *, numbers: bool = True) -> Look:
        """What the reader reads off a picture, repeated where it is too small for that. Without numbers, those of the look mean nothing,
        and it takes a third of the time."""
        repeats = [-(-16 // n) for n in pixels.shape[:2]]
        picture = planes(np.tile(pixels, (*repeats, 1)))
        reader = self.model("reader")
        found = reader(painting=picture if numbers else picture[:, :, :16, :16], half=halved(picture))
        named = dict(zip((port.name for port in reader.outputs), found, strict=True))
        features = tuple(Moments(named[f"mean_{name}"][0].astype(float), named[f"covariance_{name}"][0].astype(float)) for name in LAYERS)
        return Look(named["numbers"][0], moments(pixels, SPACES["rgb"]), features)

    def __call__(self, content: Image, *, report: Report = silent) -> Image:
        """Paint. The result has the content's size and, as it is, its alpha. Raises ImageError for one of another size than the
        guide's."""
        if self.settings.strength == 0:
            return content
        if self.guide is not None:
            return self.guided(content, self.guide.places, report)
        (brush,) = self.brushes
        work = self.size_of(content.size, brush)
        photo = resize(opaque(content), work)
        out = np.empty((work[1], work[0], 3), np.float32)
        for x, y, part in self.windows(reading(photo), work, thumbnail(photo), report):
            out[y : y + part.shape[0], x : x + part.shape[1]] = part
        if work == content.size:
            return replace(content, pixels=out)
        return replace(content, pixels=resize(replace(photo, pixels=out), content.size).pixels)

    def size_of(self, size: tuple[int, int], brush: Brush) -> tuple[int, int]:
        """What a photo is painted at: strokes twice as large are those of a picture half as large."""
        larger = self.settings.style_size * brush.size
        if larger == 1:
            return size
        work = fit(size, max(16, round(max(size) / larger)))
        if work[0] * work[1] > max(LARGEST_WORK, size[0] * size[1]):
            raise SettingError(f"--style-size {larger:g} would paint {work[0]}x{work[1]} px, over the limit of {LARGEST_WORK:,} pixels")
        return work

    def windows(self, read: Read, size: tuple[int, int], small: Pixels, report: Report = silent) -> Iterator[tuple[int, int, Pixels]]:
        """Paint a photo without a guide window by window, row by row: x, y, painted pixels (h, w, 3). read: gives its pixels;
        size: (width, height); small: the whole of it, THUMBNAIL px or less."""
        (brush,) = self.brushes
        own = None if brush.named else self.read(small, numbers=self.settings.strength < 1)
        style = self.style(brush, own, own.colours if own else moments(small, SPACES["rgb"]))
        tiling = brush.painter.tiling(size, self.settings.tile or TILE)
        windows = [window for window in tiling.windows() if visible(tiling, window)]
        for done, (x, y, part) in enumerate(
            brush.painter.windows(read, tiling, windows, small, style, self.seed, self.corrected(brush)), 1
        ):
            report(Progress("painting", done, len(windows)))
            yield x, y, self.shown(part, read, x, y)

    def shown(self, part: Pixels, read: Read, x: int, y: int) -> Pixels:
        """What is painted, with as much of the photo as shines through it."""
        share = min(1.0, self.settings.strength / FADE)
        if share == 1:
            return part
        under = read(x, y, part.shape[1], part.shape[0])
        return under + np.float32(share) * (part - under)

    def guided(self, content: Image, places: Pixels, report: Report) -> Image:
        """Each place painted by itself, and all of them blended."""
        if places.shape[1:] != content.shape:
            raise ImageError(
                f"the guide is for pictures of {places.shape[2]}x{places.shape[1]} px, not {content.size[0]}x{content.size[1]}"
            )
        out = content.pixels.copy()
        there = [(brush, plane) for brush, plane in zip(self.brushes, places, strict=True) if plane.any()]
        cut = [self.cut(brush, plane) for brush, plane in there]
        count, before = sum(map(len, cut)), 0
        for (brush, plane), windows in zip(there, cut, strict=True):

            def told(progress: Progress, before: int = before) -> None:
                report(replace(progress, step=before + progress.step, total=count))

            before += len(windows)
            work = self.size_of(content.size, brush)
            if work == content.size:
                for x, y, part in self.within(brush, content, plane, windows, told):
                    box = slice(y, y + part.shape[0]), slice(x, x + part.shape[1])
                    out[box] += plane[box][..., None] * (part - content.pixels[box])
            else:
                photo = resize(opaque(content), work)
                canvas = photo.pixels.copy()
                for x, y, part in self.within(brush, photo, scaled(plane, work), windows, told):
                    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
                out += plane[..., None] * (resize(replace(photo, pixels=canvas), content.size).pixels - content.pixels)
        # where all planes are 0 nothing was added, and the photo is there bit for bit
        return replace(content, pixels=out.clip(0, 1, out=out))

    def cut(self, brush: Brush, plane: Pixels) -> list[Window]:
        """The windows of the photo, at the size it is painted at, that a place is in; where that is another size than the plane's, so
        many cells more that nothing else is to be seen at the place's ends when it is brought back."""
        own = plane.shape[1], plane.shape[0]
        work, more = self.size_of(own, brush), 0
        if work != own:
            plane, more = scaled(plane, work), -(-3 * max(1, work[0] // own[0]) // MULTIPLE)
        tiling = brush.painter.tiling(work)
        return [window for window in touching(tiling, plane > 0, self.settings.tile or TILE, more) if visible(tiling, window)]

    def within(
        self, brush: Brush, photo: Image, plane: Pixels, windows: Sequence[Window], report: Report
    ) -> Iterator[tuple[int, int, Pixels]]:
        """Paint a place's windows: x, y, painted pixels (h, w, 3). The photo's statistics are those of the place."""
        rows, columns = middle(plane, LEAST)
        small = thumbnail(Image(np.ascontiguousarray(photo.pixels[rows, columns])))
        own = None if brush.named else self.read(small, numbers=self.settings.strength < 1)
        some = slice(None, None, max(1, round((plane.size / SEEN) ** 0.5)))
        counted = plane[some, some]
        meant = counted.sum() >= FEW
        colours = moments(photo.pixels[some, some], SPACES["rgb"], counted) if meant else moments(small, SPACES["rgb"])
        style = self.style(brush, own, colours)
        read, tiling = reading(photo), brush.painter.tiling(photo.size)
        for done, (x, y, part) in enumerate(
            brush.painter.windows(read, tiling, windows, small, style, self.seed, self.corrected(brush)), 1
        ):
            report(Progress("painting", done, len(windows)))
            yield x, y, self.shown(part, read, x, y)

    def corrected(self, brush: Brush) -> Correct | None:
        """What brings the colours that were painted back towards the style's, for a body that never saw it, as its colours drift then:
        of the painted thumbnail (H, W, 3), matrix and offset (3, 4) that give it their mean and covariance by CORRECTED."""
        if brush.named:
            return None

        def correct(painted: Pixels) -> Pixels:
            found = linear_map(moments(painted, SPACES["rgb"]), brush.look.colours, transport, stretch=CORRECTED_STRETCH)
            return towards(*found, CORRECTED * self.settings.strength)[0]

        return correct

    def style(self, brush: Brush, own: Look | None, colours: Moments) -> dict[str, Any]:
        """What the painter takes beside a photo: the style's numbers, and what makes colours and features as the style's are
        (Li et al. 2017, whitening and colouring), all as far as the strength says. own: what the reader reads off the photo, for a
        body that asks; colours: the photo's."""
        strength, look = self.settings.strength, brush.look
        numbers = look.numbers
        taken: dict[str, Any] = {}
        if strength < 1:
            rest = own.numbers if own else left_as_it_is()
            numbers = rest + np.float32(strength) * (numbers - rest)
        taken["colours"] = towards(*linear_map(colours, look.colours, transport, stretch=STRETCH), strength)
        if own:
            for name, of, to in zip(LAYERS, own.features, look.features, strict=True):
                matrix = brush.roots[name] @ root(of.covariance, -0.5)
                taken[f"map_{name}"] = towards(matrix, to.mean - matrix @ of.mean, strength)
        return {"numbers": numbers[None].astype(np.float32), **taken}


def visible(tiling: Tiling, window: Window) -> bool:
    """Whether any of the photo is in a window: one at the ends may be all margin."""
    rows, columns, *_ = tiling.inside(window)
    return rows.start < rows.stop and columns.start < columns.stop


def opaque(photo: Image) -> Image:
    """A photo's colours alone."""
    return photo if photo.alpha is None else replace(photo, alpha=None)


def reading(photo: Image) -> Read:
    return lambda x, y, w, h: photo.pixels[y : y + h, x : x + w]


def halved(picture: Pixels) -> Pixels:
    """(1, 3, H, W) at half the size, each pixel the mean of four; an odd row or column at the end is left out."""
    height, width = (n // 2 * 2 for n in picture.shape[2:])
    corners = (picture[:, :, row:height:2, column:width:2] for row in (0, 1) for column in (0, 1))
    return np.ascontiguousarray(np.mean(list(corners), axis=0, dtype=np.float32))


def thumbnail(photo: Image) -> Pixels:
    """The whole of a picture, THUMBNAIL px or less."""
    return np.asarray((photo if max(photo.size) <= THUMBNAIL else resize(photo, fit(photo.size, THUMBNAIL))).pixels)


def towards(matrix: Floats, offset: Floats, strength: float) -> Pixels:
    """(1, C, C + 1): matrix and offset, mixed with leaving all as it is."""
    whole = np.concatenate([matrix, offset[:, None]], axis=1)
    return (np.eye(*whole.shape) * (1 - strength) + whole * strength).astype(np.float32)[None]


def root(covariance: Floats, exponent: float = 0.5) -> Floats:
    """A power of a covariance, with the ridge that training had."""
    values, vectors = np.linalg.eigh(covariance)
    values = np.maximum(values, 0)
    power: Floats = (vectors * (values + max(RIDGE * values.mean(), LEAST_RIDGE)) ** exponent) @ vectors.T
    return power
