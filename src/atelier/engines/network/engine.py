"""Painting by a trained network: photo and styles in, picture out, in a second or two."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from atelier.engines.engine import Frame, Large
from atelier.engines.guide import Guide, Sample
from atelier.engines.network.brush import Brush
from atelier.engines.network.catalogue import models_folder
from atelier.engines.network.hold import Hold
from atelier.engines.network.layers import Layer, Part, paint_layers
from atelier.engines.network.look import Look, read_look
from atelier.engines.network.painter import TILE, Painter
from atelier.engines.network.photo import Photo
from atelier.engines.network.regions import middle
from atelier.engines.network.runner import Runner, open_model
from atelier.errors import ImageError, SettingError
from atelier.image import Image, decode, fit, resize
from atelier.image.hidden import fill_hidden
from atelier.image.moments import moments
from atelier.image.spaces import SPACES
from atelier.progress import Report, silent
from atelier.request import InstantSettings

STYLE_SIDE = 512
"""Long side at which a painting is read, px: what the reader was trained at."""


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


class InstantEngine:
    """Built once from samples, settings, device, seed, guide and models; then called per picture.

    samples: entries of the catalogue, or paintings. Entries alone are painted by the body that was trained on named styles; as
    soon as a painting is among those of a region, by the body for any. Without a guide all samples are painted everywhere.
    Raises WeightsError, SettingError.

    Each region is painted by itself, with its own statistics, in windows that see no more of the photo than they need, so none
    knows what is painted elsewhere; what is painted is then blended as the guide's planes say.
    """

    def __init__(
        self, samples: Sequence[Sample], settings: InstantSettings, device: str = "auto", seed: int = 0,
        models: Models | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.device, self.seed = settings, device, seed
        self.model = models or Models(device, settings.backend)
        for sample in samples:
            if sample.strokes != "all":
                raise SettingError(
                    "strokes", "the trained networks take all of a painting's strokes; give `engine=optimize`", sample.strokes
                )
        regions = range(1 + max((sample.region or 0 for sample in samples), default=0))
        self.brushes = [self._brush([sample for sample in samples if (sample.region or 0) == at]) for at in regions]

    @property
    def about(self) -> dict[str, str]:
        """Which body paints, and what runs it."""
        brush, runner = self.brushes[0], self.brushes[0].painter.runner
        runner.settle()
        return {"body": "named styles" if brush.reader is None else "any painting", "backend": runner.backend, "device": runner.device}

    def __call__(self, frame: Frame, report: Report = silent) -> Frame:
        """Paint. The result has the frame's size and, as it is, its alpha. Raises ImageError for one of another size than its guide's."""
        if self.settings.strength == 0:
            return frame
        if frame.guide is not None and frame.guide.regions.shape[1:] != frame.shape:
            height, width = frame.guide.regions.shape[1:]
            raise ImageError(f"the guide is for pictures of {width}x{height} px, not {frame.size[0]}x{frame.size[1]}")
        hold = None if frame.before is None else Hold(frame.before.state or {}, frame.before.flow, frame.before.held)
        out = np.empty((*frame.shape, 3), np.float32)
        for x, y, part in self.paint(Photo.held(frame.image()), frame.guide, report, hold):
            out[y : y + part.shape[0], x : x + part.shape[1]] = part
        return replace(frame, pixels=out, state=hold.after if hold else frame.state)

    def paint_windows(self, large: Large, report: Report = silent) -> Iterator[Part]:
        """Paint a picture that is not held."""
        small = large.small
        seen = small.alpha if small.alpha is not None and small.alpha.any() else None
        photo = Photo(large.read, large.size, fill_hidden(np.asarray(small.pixels), small.alpha), seen=seen)
        return self.paint(photo, large.guide, report) if self.settings.strength else photo.windows()

    def paint(self, photo: Photo, guide: Guide | None = None, report: Report = silent, hold: Hold | None = None) -> Iterator[Part]:
        """Paint window by window, row by row: x, y, painted pixels (h, w, 3).

        The photo may be larger than memory; strokes are then of one size. The guide's planes may be coarser than it: between
        their pixels they are straight lines. Held are the planes and, at a time, one window. hold: of a film, what the frame before
        has counted.
        """
        tile = self.settings.tile or TILE
        if guide is None:
            layers = [Layer(self.brushes[0], photo, None, tile, hold.of(0) if hold else None)]
        else:
            pairs = enumerate(zip(self.brushes, guide.regions, strict=True))
            layers = [Layer(brush, photo, plane, tile, hold.of(at) if hold else None) for at, (brush, plane) in pairs if plane.any()]
        yield from paint_layers(photo, self.brushes[0].painter.grid(photo.size, tile), layers, report)

    # Styles -----------------------------------------------------------------------------------------------------------

    def _brush(self, samples: Sequence[Sample]) -> Brush:
        """What paints the samples of one region, mixed."""
        total = sum(sample.weight for sample in samples)
        if not total > 0:
            raise SettingError("styles", "nothing to paint with: give a `style` with a weight over 0")
        sizes = sorted({sample.size for sample in samples})
        if len(sizes) > 1:
            raise SettingError(
                "styles",
                f"styles of one region with strokes of the sizes {sizes[0]:g} and {sizes[-1]:g}: the trained networks paint a region "
                "at one size; give `engine=optimize`",
            )
        named = all(not isinstance(sample.picture, Image) for sample in samples)
        painter = Painter(self.model("styles" if named else "painter"))
        look = Look.mean([see(sample, named, self.model) for sample in samples], [sample.weight / total for sample in samples])
        reader = None if named else self.model("reader")
        return Brush(painter, look, reader, self.settings.style_size * sizes[0], self.settings.strength, self.seed)


def see(sample: Sample, named: bool, models: Models) -> Look:
    """The look of a sample: its style code, the one fitted to it where there is one, its colours and features. named: for the body for
    named styles. Raises WeightsError, SettingError."""
    look = _read(sample, named, models)
    return look if sample.code is None else replace(look, code=sample.code, read=0.0)


def _read(sample: Sample, named: bool, models: Models) -> Look:
    style = sample.picture
    if not isinstance(style, Image):
        if named:
            return Look(style.code, style.colors)
        if not style.swatch:
            raise SettingError("styles", f"the style {style.name} cannot be mixed with paintings: it has no picture in it")
        style = decode(style.swatch)
    reader = models("reader")
    if sample.part is None:
        return read_look(reader, np.asarray(resize(style, fit(style.size, STYLE_SIDE)).pixels))
    rows, columns = middle(sample.part, style.size)
    part = Image(np.ascontiguousarray(style.pixels[rows, columns]))
    # as large as it would be in the whole painting: its strokes are not to be read as larger ones
    side = max(1, round(max(part.size) * STYLE_SIDE / max(style.size)))
    look = read_look(reader, np.asarray(resize(part, fit(part.size, side)).pixels))
    return replace(look, colors=moments(style.pixels, SPACES["rgb"], sample.part))
