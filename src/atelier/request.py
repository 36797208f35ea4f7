"""What is asked for, as plain frozen values. Nothing is opened or loaded here.

Every option is declared once, as a field of `Settings` with its help, bounds and choices; command-line flags, form fields
and schemas derive from these declarations (see `options`).
"""

from __future__ import annotations

import dataclasses
import json
import math
import numbers
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from atelier.errors import SettingError

LayerWeights = Mapping[str, float]
"""Layer name to weight, e.g. {"conv1_1": 1.0, "conv4_1": 0.5}."""

STYLE_LAYERS: LayerWeights = {"conv1_1": 1.0, "conv2_1": 1.0, "conv3_1": 1.0, "conv4_1": 1.0, "conv5_1": 1.0}


def option(default: Any, help: str, *, low: float | None = None, high: float | None = None, choices: tuple[str, ...] = ()) -> Any:
    """A field with what every face needs to know about it. low and high are inclusive."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


STYLE_SIZE = "Size of the strokes: 2 paints with strokes twice as large"
TILE = "Side of the tiles the network looks through, px (0: as memory allows; same results up to rounding)"
COLOR = "Colours of the picture: the style's, the photo's own (light and dark alone are painted), or the style's matched to the photo's"
COLORS = ("style", "photo", "match")
COLOR_METHOD = "How colours are kept or matched (empty: luminance-matched for photo, transport for match): see `atelier recolor --list`"
COLOR_SPACE = "Colour space of it (empty: what suits the method): oklab, lab, yuv, ycbcr, rgb, linear"
SECONDS = "Paint until so many seconds have passed (0: as long as it takes)"


@dataclass(frozen=True)
class Settings:
    """How to paint by optimisation. The total is content_weight·content + style_weight·style + tv_weight·TV + ..."""

    features: str = option("pocket", "Perceptual network: pocket, vgg19, or a safetensors file")
    content_layers: LayerWeights = option({"conv4_2": 1.0}, "Layers that keep the photo, with weights: conv3_2,conv4_2=0.5")
    style_layers: LayerWeights = option(STYLE_LAYERS, "Layers that bring the style, with weights: conv1_1,conv3_1=2")
    content_weight: float = option(0.05, "Weight of the content loss (alpha)", low=0)
    style_weight: float = option(1.0, "Weight of the style loss (beta)", low=0)
    tv_weight: float = option(0.0, "Weight of total variation (gamma)", low=0)
    tv_form: str = option("squared", "Total variation of squared or absolute differences", choices=("squared", "absolute"))
    style_loss: str = option("gram", "What of the style is matched", choices=("gram", "moments", "wasserstein"))
    match: str = option(
        "statistics",
        "Match the style's statistics as a whole, or each place's features to their like in the painting",
        choices=("statistics", "semantic"),
    )
    histogram_weight: float = option(0.0, "Weight of matching feature histograms as well", low=0)
    normalise: str = option("relative", "Losses as the paper scales them, or relative to their targets", choices=("gatys", "relative"))
    shift: float = option(0.0, "Activation shift, subtracted from features before their Gram matrix", low=-1e4, high=1e4)
    chained: bool = option(False, "Correlate each style layer with the next one instead of with itself")
    pooling: str = option("max", "Pooling between blocks", choices=("max", "average", "l2"))
    start: str = option("recoloured", "Start from: photo, recoloured (photo in the style's colours), noise, grey, or a picture's path")
    optimiser: str = option("lbfgs", "Solver", choices=("adam", "lbfgs", "sgd"))
    rate: float = option(1.0, "Step size: about 1 for lbfgs, 0.02 for adam (in units of the pixel range)", low=1e-8, high=1e4)
    iterations: int = option(40, "Iterations at the full size", low=0, high=1_000_000)
    coarse_iterations: int = option(0, "Iterations at each coarser scale", low=0, high=1_000_000)
    smallest: int = option(128, "Long side of the coarsest scale, px", low=16, high=100_000)
    scale_step: float = option(2.0, "Ratio of one scale to the next", low=1.05, high=8)
    warm_features: str = option("", "Network that does all but the last iterations (empty: the same one)")
    warm_iterations: int = option(0, "Iterations of the warm network at the full size", low=0, high=1_000_000)
    average: float = option(
        0.0, "Decay of the running average of iterates that becomes the picture (0: the last iterate)", low=0, high=0.9999
    )
    tolerance: float = option(0.0, "Stop a scale once 10 iterations improve the loss by less than this share (0: never)", low=0, high=1)
    style_size: float = option(1.0, STYLE_SIZE, low=0.05, high=20)
    style_fit: str = option("photo", "Scale the style picture to the photo, or keep its own size", choices=("photo", "own"))
    precision: str = option("auto", "Arithmetic of the network", choices=("auto", "float32", "bfloat16"))
    tile: int = option(0, TILE, low=0, high=100_000)
    seconds: float = option(0.0, SECONDS, low=0, high=1e7)
    color: str = option("style", COLOR, choices=COLORS)
    color_method: str = option("", COLOR_METHOD)
    color_space: str = option("", COLOR_SPACE)

    def __post_init__(self) -> None:
        check_all(self)


@dataclass(frozen=True)
class InstantSettings:
    """How to paint with a trained network."""

    strength: float = option(1.0, "How far to go from the photo, 0, to the painting, 1", low=0, high=1)
    style_size: float = option(1.0, STYLE_SIZE, low=0.05, high=20)
    seconds: float = option(0.0, SECONDS, low=0, high=1e7)
    color: str = option("style", COLOR, choices=COLORS)
    color_method: str = option("", COLOR_METHOD)
    color_space: str = option("", COLOR_SPACE)
    tile: int = option(0, TILE, low=0, high=100_000)
    backend: str = option(
        "auto",
        "What runs the network: the faster of those installed in float32, or by name; bfloat16 is faster, and rounds to 0.4 %",
        choices=("auto", "onnxruntime", "openvino", "openvino-bfloat16"),
    )
    model: str = option("", "Paint with a network from elsewhere instead: an ONNX file that takes a picture and gives one")
    model_layout: str = option("auto", "Order of its input's axes", choices=("auto", "nchw", "nhwc"))
    model_order: str = option("auto", "Order of its colours", choices=("auto", "rgb", "bgr"))
    model_range: str = option("auto", "Range of its values", choices=("auto", "0..1", "-1..1", "0..255"))
    model_output: str = option("", "Name of the output that is the picture (empty: found out)")
    model_inputs: str = option("", "Numbers that it takes beside the picture: alpha=0.5, several by comma")
    model_multiple: int = option(0, "What the sides of its pictures must be multiples of (0: found out)", low=0, high=4096)

    def __post_init__(self) -> None:
        check_all(self)


@dataclass(frozen=True)
class DrawSettings:
    """How to draw with geometric primitives. Sizes are in pixels of the working picture, whose long side is `work_size`."""

    method: str = option(
        "climb", "Search for each shape, or the layers of ever smaller random shapes of the source paper", choices=("climb", "layers")
    )
    shape: str = option(
        "triangle",
        "Shapes to draw with, several by comma: triangle, rectangle, rotated-rectangle, ellipse, rotated-ellipse, circle, polygon, "
        "stroke, line, or all",
    )
    count: int = option(0, "Shapes to draw (0: 100, or no end where --until or --time is given)", low=0, high=1_000_000)
    until: float = option(0.0, "Stop at this score: root mean square error over RGBA in 0..1 (0: none)", low=0, high=1)
    time: float = option(0.0, "Stop after so many seconds (0: none)", low=0, high=1e7)
    alpha: float = option(0.5, "Opacity of the shapes (0: each shape its own)", low=0, high=1)
    background: str = option("auto", "auto (the photo's mean colour; none where the photo has transparent parts), none, or #rrggbb")
    palette: str = option("", "Draw only with the colours of this painting, or with these: #rrggbb,#rrggbb")
    colours: int = option(0, "How many colours a palette has (0: 16 of a painting, no limit without one)", low=0, high=256)
    density: str = option("", "Where shapes matter most: saliency, or a mask (a picture, white counts most)")
    work_size: int = option(256, "Long side of the picture that shapes are fitted to, px", low=1, high=4096)
    smallest: float = option(4.0, "Size of the smallest fresh shapes, px", low=0.5, high=4096)
    largest: float = option(64.0, "Size of the largest fresh shapes, px", low=0.5, high=4096)
    search: str = option("climb", "Hill climbing or simulated annealing", choices=("climb", "anneal"))
    climbs: int = option(8, "Searches for each shape, of which the best is drawn", low=1, high=10_000)
    tries: int = option(100, "Random shapes that each search starts from the best of", low=1, high=1_000_000)
    age: int = option(60, "Changes in a row without success after which a search ends", low=1, high=1_000_000)
    refine: int = option(
        4,
        "Rounds at the end that draw the least useful tenth anew and refine all shapes together (0: none, nor on the way)",
        low=0,
        high=1000,
    )
    start: str = option("", "Go on from this drawing (JSON that was written of it)")
    workers: int = option(0, "Threads (0: as many as cores); the drawing is the same with any number", low=0, high=1024)

    def __post_init__(self) -> None:
        check_all(self)
        if 0 < self.alpha < 0.004:
            raise SettingError(f"--alpha {self.alpha:g}: under 1/255 nothing can be seen; 0 lets each shape choose")
        if self.smallest > self.largest:
            raise SettingError(f"--smallest {self.smallest:g} is more than --largest {self.largest:g}")


AnySettings = Settings | InstantSettings | DrawSettings


def check(option: dataclasses.Field[Any], kind: type[Any], value: Any) -> None:
    """Raise SettingError unless value fits the option's declaration. kind: the option's type, as `options` tells it."""
    name, meta = option.name.replace("_", "-"), option.metadata
    if option.name.endswith("_layers"):
        if not isinstance(value, Mapping) or not all(isinstance(k, str) and _is(float, weight) for k, weight in value.items()):
            raise SettingError(f"--{name} {value!r}: must be layers with weights, as conv1_1,conv4_1=0.5")
    elif not _is(kind, value):
        raise SettingError(f"--{name} {value!r}: must be {WORDS[kind]}")
    if meta["choices"] and value not in meta["choices"]:
        raise SettingError(f"--{name} {value}: choose from {', '.join(meta['choices'])}")
    if isinstance(value, (bool, str)):
        return
    given = list(value.values()) if isinstance(value, Mapping) else [value]
    low, high = (0.0, None) if isinstance(value, Mapping) else (meta["low"], meta["high"])
    for number in given:
        if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
            span = f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"
            raise SettingError(f"--{name} {number:g}: must be {span}")


def check_all(settings: Any) -> None:
    """Raise SettingError unless every option of the settings fits its declaration."""
    for each, kind in options(type(settings)).values():
        check(each, kind, getattr(settings, each.name))


WORDS = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def _is(kind: type[Any], value: Any) -> bool:
    """Whether a value is of an option's type; NumPy's numbers are numbers, truth is none."""
    if kind in (str, bool):
        return isinstance(value, kind)
    return isinstance(value, numbers.Integral if kind is int else numbers.Real) and not isinstance(value, bool)


def _are_words(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(each, str) for each in value)


def options(settings: type[Any] = Settings) -> dict[str, tuple[dataclasses.Field[Any], type[Any]]]:
    """Name -> (declaration, Python type as users type it: str, int, float or bool; layers are typed as str)."""
    kinds = typing.get_type_hints(settings)
    return {
        each.name: (each, kinds[each.name] if kinds[each.name] in (str, int, float, bool) else str) for each in dataclasses.fields(settings)
    }


def parse_layers(text: str | LayerWeights) -> dict[str, float]:
    """`conv1_1,conv4_1=0.5` to {"conv1_1": 1.0, "conv4_1": 0.5}. Names are checked by the network.

    Raises SettingError for anything else, an empty list and a layer named twice included.
    """
    if isinstance(text, Mapping):
        for layer, given in text.items():
            if not _is(float, given):
                raise SettingError(f"layer {layer} has the weight {given!r}, which is not a number")
        return {str(k): float(v) for k, v in text.items()}
    if not isinstance(text, str):
        raise SettingError(f"layers are given as conv1_1,conv4_1=0.5 or as a mapping, not as {text!r}")
    layers: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, weight = (p.strip() for p in part.partition("="))
        try:
            number = float(weight) if weight else 1.0
        except ValueError:
            raise SettingError(f"layer weight {weight!r} is not a number: write conv1_1,conv4_1=0.5") from None
        if name in layers:
            raise SettingError(f"layer {name} is given twice")
        layers[name] = number
    if not layers:
        raise SettingError("no layers given: write conv1_1,conv4_1=0.5")
    return layers


S = TypeVar("S", bound=AnySettings)


def override(settings: S, given: Mapping[str, Any]) -> S:
    """The settings with those given (by field name; layers as text or mapping) put in. Raises SettingError for unknown names."""
    known = {each.name for each in dataclasses.fields(settings)}
    if unknown := sorted(set(given) - known):
        raise SettingError(f"no setting {unknown[0]!r}: the settings are {', '.join(sorted(known))}")
    ready: dict[str, Any] = {k: parse_layers(v) if k.endswith("_layers") else v for k, v in given.items()}
    return dataclasses.replace(settings, **ready)


STROKES = ("all", "coarse", "fine")
"""Which of a painting's strokes can be taken."""


@dataclass(frozen=True)
class Style:
    """A painting to learn from: a path, URL, `-`, or a style's name; and how.

    weight: its share where there are several, in its region. region: what part of the photo it paints, by the map's name,
    colour or number; empty for all of it. size: of its strokes; 2 paints with strokes twice as large. rotate: degrees clockwise
    that the painting is turned by. strokes: which of its strokes are taken, `all`, the `coarse` or the `fine` ones.
    Raises SettingError.
    """

    source: str
    weight: float = 1.0
    region: str = ""
    size: float = 1.0
    rotate: float = 0.0
    strokes: str = "all"

    def __post_init__(self) -> None:
        if not isinstance(self.source, str):
            raise SettingError(f"a style is a path, URL or -, not {self.source!r}")
        if not _is(float, self.weight) or not 0 <= self.weight < math.inf:
            raise SettingError(f"the weight of {self.source} must be a finite number of at least 0, not {self.weight!r}")
        if not isinstance(self.region, str):
            raise SettingError(f"the region of {self.source} is a name, a colour or a number as text, not {self.region!r}")
        if not _is(float, self.size) or not 0.05 <= self.size <= 20:
            raise SettingError(f"the size of {self.source}'s strokes must be a number from 0.05 to 20, not {self.size!r}")
        if not _is(float, self.rotate) or not math.isfinite(self.rotate):
            raise SettingError(f"{self.source} is turned by a number of degrees, not by {self.rotate!r}")
        if self.strokes not in STROKES:
            raise SettingError(f"the strokes of {self.source}: choose from {', '.join(STROKES)}, not {self.strokes!r}")


def public(source: str) -> str:
    """A URL without what may be secret in it; anything else as it is."""
    return re.sub(r"^([\w+.-]+://)(?:[^/?#]*@)?([^?#]*).*", r"\1\2", source, flags=re.DOTALL)


def plain(value: Any) -> Any:
    """NumPy's numbers, and any mapping, as JSON has them; for `json.dumps`."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    raise TypeError(f"{value!r} is nothing for JSON")


ENGINES: dict[str, type[AnySettings]] = {"instant": InstantSettings, "optimize": Settings, "primitives": DrawSettings}
"""The engines there are, and the settings of each."""
TASKS: dict[str, tuple[str, ...]] = {
    "stylize": ("instant", "optimize"),
    "texture": ("optimize",),
    "reconstruct": ("optimize",),
    "draw": ("primitives",),
}
"""What can be asked for, and the engines that do it."""


@dataclass(frozen=True)
class Request:
    """One picture to make.

    task: stylize (content and styles; with a network from elsewhere, content alone), texture (styles alone, content only
    tells the size), reconstruct and draw (content alone).
    engine: one of the task's, or auto (see `chosen`). recipe: of the optimiser; empty is the default one.
    settings: those that were given; the recipe has the rest. size: long side in px, None for the photo's own (for a
    texture: the painting's), up to a limit of the run's. canvas: (width, height) of a texture, px, instead of size.

    Which style goes where is told by one of three: regions, a colour-coded map of the photo or a way to make one (`auto`,
    `auto:N`, a plug-in's name), whose parts the styles name; masks, one for each style; blend, a grey picture (black is the first
    style, white the second) or a gradient by name. style_regions: maps of the paintings, one for each style or empty, whose
    regions go to those of the photo that are called the same. feather: width in px of the borders between regions, None for
    one that suits the picture's size.
    """

    task: str
    content: str | None
    styles: tuple[Style, ...] = ()
    recipe: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    canvas: tuple[int, int] | None = None
    seed: int = 0
    device: str = "auto"
    engine: str = "auto"
    regions: str = ""
    masks: tuple[str, ...] = ()
    style_regions: tuple[str, ...] = ()
    feather: float | None = None
    blend: str = ""

    def __post_init__(self) -> None:
        sides = () if self.canvas is None else self.canvas
        fits = {
            "task": self.task in TASKS, "content": self.content is None or isinstance(self.content, str),
            "recipe": isinstance(self.recipe, str), "settings": isinstance(self.settings, Mapping),
            "size": self.size is None or _is(int, self.size), "device": isinstance(self.device, str),
            "canvas": self.canvas is None or (len(sides) == 2 and all(_is(int, side) for side in sides)),
            "engine": self.engine == "auto" or self.engine in TASKS.get(self.task, ()),
            "seed": _is(int, self.seed) and -(2**63) <= self.seed < 2**64,
            "regions": isinstance(self.regions, str), "blend": isinstance(self.blend, str),
            "masks": _are_words(self.masks), "style_regions": _are_words(self.style_regions),
            "feather": self.feather is None or (_is(float, self.feather) and 0 <= self.feather < math.inf),
        }  # fmt: skip
        if not fits["engine"] and self.task in TASKS:
            raise SettingError(f"--engine {self.engine}: choose from auto, {', '.join(TASKS[self.task])}")
        if not fits["feather"]:
            raise SettingError(f"--feather {self.feather!r}: must be a width of at least 0 px")
        for name, good in fits.items():
            if not good:
                raise SettingError(f"--{name.replace('_', '-')} {getattr(self, name)!r} makes no sense in a request")
        self._check_places()

    def _check_places(self) -> None:
        """Raise SettingError where what is said of which style goes where does not go together."""
        ways = {"--regions": self.regions, "--mask": self.masks, "--blend": self.blend}
        more = {"--style-regions": self.style_regions, "--feather": self.feather is not None}
        given = [flag for flag, told in (ways | more).items() if told]
        named = [style for style in self.styles if style.region]
        if self.task != "stylize" and (given or named):
            raise SettingError(
                f"{given[0] if given else '@' + named[0].region} parts a photo, and {self.task} has no styles on one: leave it out"
            )
        if given and self.settings.get("model"):
            raise SettingError(f"--model paints all of a photo: {given[0]} is for the networks that ship and for --engine optimize")
        if len(ways := {flag: told for flag, told in ways.items() if told}) > 1:
            raise SettingError(f"{' and '.join(ways)} both say which style goes where: give one of them")
        if self.blend and len(self.styles) != 2:
            raise SettingError(f"--blend goes over from one style to another: give two, not {len(self.styles)}")
        if self.feather is not None and not (self.regions or self.masks):
            raise SettingError("--feather is how wide the borders between regions are: give --regions or --mask with it")
        if self.style_regions and not self.regions:
            raise SettingError("--style-regions says which parts of a painting go to which of the photo: give --regions with it")
        for flag, maps in (("--mask", self.masks), ("--style-regions", self.style_regions)):
            if maps and len(maps) != len(self.styles):
                raise SettingError(f"{len(maps)} {flag} and {len(self.styles)} --style: give one {flag} for each style, in their order")
        if named and not self.regions:
            told = f"{named[0].source}@{named[0].region}"
            if given:
                raise SettingError(f"--style {told}: {given[0]} says where it goes, so leave @{named[0].region} out")
            raise SettingError(f"--style {told} names a region: give --regions a map of the photo, or auto")
        for style, map_ in zip(self.styles, self.style_regions or [""] * len(self.styles), strict=True):
            if self.regions and not style.region and not map_:
                raise SettingError(
                    f"the style {style.source} is without a region: write {style.source}@NAME, of the map's names, colours or numbers"
                )

    @property
    def chosen(self) -> str:
        """The engine: the one asked for, else the first of the task's that has all the settings given; a recipe, and a style of
        whose strokes only some are taken, ask for the optimiser. Raises SettingError where none has them all."""
        if self.engine != "auto":
            return self.engine
        picky = any(style.strokes != "all" for style in self.styles)
        able = TASKS[self.task] if not (self.recipe or picky) else tuple(name for name in TASKS[self.task] if name == "optimize")
        if not able:
            raise SettingError(f"--recipe {self.recipe} is for painting by optimisation, not for {self.task}")
        for name in able:
            if set(self.settings) <= set(options(ENGINES[name])):
                return name
        for setting in self.settings:
            if not any(setting in options(ENGINES[name]) for name in TASKS[self.task]):
                override(ENGINES[able[-1]](), {setting: self.settings[setting]})  # says what there is
        owners = {name: [s for s in self.settings if s in options(ENGINES[name])] for name in TASKS[self.task]}
        alone = {name: [s for s in own if not any(s in o for n, o in owners.items() if n != name)] for name, own in owners.items()}
        if self.recipe:
            alone["optimize"] = [*alone["optimize"], "recipe"]
        if picky and not alone["optimize"]:
            alone["optimize"] = ["style"]
        words = {"style": "--style of coarse or fine strokes"}
        parts = [f"{words.get(own[0], '--' + own[0].replace('_', '-'))} is for --engine {name}" for name, own in alone.items() if own]
        raise SettingError(", ".join(parts) + ": they do not go together")

    def to_json(self, **more: Any) -> str:
        """As one line of JSON, which `from_json` reads and which is embedded in what was made."""
        return json.dumps({**dataclasses.asdict(self), **more}, ensure_ascii=False, default=plain)

    def without_secrets(self) -> Request:
        """The same for other eyes: of URLs, no user name, no password and no query, where tokens and signatures are."""
        styles = tuple(dataclasses.replace(style, source=public(style.source)) for style in self.styles)
        settings = {name: public(value) if isinstance(value, str) else value for name, value in self.settings.items()}
        return dataclasses.replace(
            self,
            content=self.content and public(self.content),
            styles=styles,
            settings=settings,
            regions=public(self.regions),
            masks=tuple(map(public, self.masks)),
            style_regions=tuple(map(public, self.style_regions)),
            blend=public(self.blend),
        )

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Raises SettingError where the text is not what `to_json` wrote."""
        try:
            data = json.loads(text)
            names = {each.name for each in dataclasses.fields(cls)}
            values = {k: v for k, v in data.items() if k in names}
            values["canvas"] = tuple(values["canvas"]) if values.get("canvas") else None
            values["styles"] = tuple(Style(**style) for style in values.get("styles", ()))
            values |= {name: tuple(values[name]) for name in ("masks", "style_regions") if isinstance(values.get(name), list)}
            request = cls(**values)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise SettingError(f"the embedded request cannot be read: {error}") from error
        return request
