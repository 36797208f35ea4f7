"""What an engine is: built once, then called per frame. It holds no files, no paths and no globals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atelier.engines.guide import Guide
from atelier.image import Image
from atelier.image.hidden import fill_hidden
from atelier.image.value import Pixels
from atelier.progress import Report, silent
from atelier.request import AnySettings, Request

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.engines.solid import Shaper, SolidEngine

Read = Callable[[int, int, int, int], Pixels]
"""x, y, width, height to the pixels (height, width, 3) there."""
Windows = Iterator[tuple[int, int, Pixels]]
"""x, y and the painted pixels (height, width, 3) of each window of a picture, row by row."""


@dataclass(frozen=True, eq=False)
class Before:
    """What came before a frame of a film; all None at the start of a scene.

    pixels: (H, W, 3), the painted frame before, warped to where things are now. trust: (H, W) in [0, 1], where it is to be believed.
    flow: (h, w, 2), px of its own size, where each pixel was. state: what the engine gave with the painted frame before, to go on from.
    held: whether what a network counts of a picture is that of the state, as for a part of a larger picture.
    """

    pixels: Pixels | None = None
    trust: Pixels | None = None
    flow: Pixels | None = None
    state: Any = None
    held: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture on its way through an engine.

    pixels: float32 (H, W, 3), sRGB in [0, 1]. alpha: float32 (H, W), or None. guide: which painting goes where, at this frame's size;
    None where all go everywhere. before: what came before it, of a film; None for a still. time: s. start: float32 (H, W, 3), any size, the
    picture that painting begins from where the settings say so. source: (width, height) of the photo before it was
    scaled. state: what an engine of the same build told in `Progress.state`, or a
    drawing, to go on from; of a painted frame of a film, what the next one's `before` is to carry.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    guide: Guide | None = None
    before: Before | None = None
    time: float = 0.0
    start: Pixels | None = None
    source: tuple[int, int] | None = None
    state: Any = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in px."""
        height, width, _ = self.pixels.shape
        return width, height

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in px, as arrays count."""
        width, height = self.size
        return height, width

    def with_pixels(self, pixels: Pixels) -> Frame:
        """The frame painted. pixels: floats (H, W, 3), clipped to [0, 1]."""
        return dataclasses.replace(self, pixels=np.clip(pixels, 0.0, 1.0))

    def image(self) -> Image:
        """As a picture, without what its file said beside it."""
        return Image(self.pixels, alpha=self.alpha)

    @classmethod
    def of(cls, image: Image, **more: Any) -> Frame:
        """Make a frame of a picture. What nobody sees of it, under full transparency, goes on from what is seen. more: the other fields."""
        return cls(fill_hidden(image.pixels, image.alpha), image.alpha, **more)


class Engine(Protocol):
    """Built once from samples, settings, device and seed; then called per frame."""

    def __call__(self, frame: Frame, /, report: Report = silent) -> Frame | Drawing:
        """Paint or draw a frame. A report that raises Cancelled ends it with the picture so far. Raises AtelierError."""
        ...


@dataclass(frozen=True, eq=False)
class Large:
    """A picture that is not held. read: gives its pixels. size: (width, height). small: the whole of it, small enough to be held.
    guide: as a frame's, but its planes may be coarser than the picture."""

    read: Read
    size: tuple[int, int]
    small: Image
    guide: Guide | None = None


class WindowEngine(Engine, Protocol):
    """An engine that can also paint a picture that is not held."""

    def paint_windows(self, large: Large, /, report: Report = silent) -> Windows:
        """Paint from window to window."""
        ...


@dataclass(frozen=True, eq=False)
class Fitting:
    """Style codes to be fitted to their paintings before painting.

    seconds: for all of them. codes: gives each sample's code as it was read, and the name of the body it is for; opens models.
    """

    seconds: float
    codes: Callable[[], Sequence[tuple[Any, str]]]


@dataclass(frozen=True)
class EngineKind:
    """One row of the table of engines; nothing else goes by an engine's name.

    tasks: what it does. settings: the type of its settings. extra: the optional part of the package that it needs, or None. lacks:
    options that others of the same tasks have besides their settings: `recipe`, `strokes` of a style, and those of `Outputs`.
    largest: long side, px, that a photo is worked at unless a size is asked for; None where photos are taken as they are and the size is
    that of the result. named: whether it takes styles by name as what they are, and not as their pictures. draws: whether a drawing
    comes of it, not a frame.

    settle: a request to its settings in full. refuse: raises SettingError for what it cannot do, said before the work. build: samples,
    settings, device, seed, pictures that settings name, a session, and a report, to the engine. prepare: begins, in another thread, to
    open what building will need. networks: digests of the networks that settings name, which tell whether they are still the same.
    fitting: samples, settings, device and session to what is fitted to the photo before painting, or None. rerun: a request, and what
    the engine said of what ran it (`about`), to the request that runs on the same. mixtures: into how many mixtures the way from one
    style to another is split. streams: whether it paints a picture from window to window as the request asks. solid: as
    build, without pictures, to what paints surfaces, and shape to what shapes them; None where it cannot.
    """

    name: str
    summary: str
    tasks: tuple[str, ...]
    settings: type[AnySettings]
    settle: Callable[[Request], AnySettings]
    build: Callable[..., Engine]
    refuse: Callable[[Request, Any], None]
    extra: str | None = None
    lacks: tuple[str, ...] = ()
    largest: float | None = None
    named: bool = False
    draws: bool = False
    prepare: Callable[..., None] = lambda *_: None
    networks: Callable[[Any], list[str]] | None = None
    rerun: Callable[[Request, Mapping[str, Any]], Request] = lambda request, ran: request
    fitting: Callable[..., Fitting | None] = lambda *_: None
    mixtures: int = 2
    streams: Callable[[Request, Any], bool] = lambda request, settings: False
    solid: Callable[..., SolidEngine] | None = None
    shape: Callable[..., Shaper] | None = None
