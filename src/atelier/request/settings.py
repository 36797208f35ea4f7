"""How each engine works: its settings, every one declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atelier.errors import SettingError
from atelier.request.options import LayerWeights, check_all, option, options

STYLE_LAYERS: LayerWeights = {"conv1_1": 1.0, "conv2_1": 1.0, "conv3_1": 1.0, "conv4_1": 1.0, "conv5_1": 1.0}
STARTS = ("photo", "recolored", "noise", "gray")
"""Where painting by optimisation starts, if not from a picture."""

STYLE_SIZE = "Size of the strokes: 2 paints with strokes twice as large"
TILE = "Side of the tiles the network looks through, px (0: as memory allows; same results up to rounding)"
COLOR = (
    "Colours of the picture: the style's, the photo's own (light and dark alone are painted), the style's matched to the photo's, or none: "
    "grey"
)
COLORS = ("style", "photo", "match", "gray")
COLOR_METHOD = "How colours are kept or matched (empty: luminance-matched for photo, transport for match): see `atelier recolor --list`"
COLOR_SPACE = "Colour space of it (empty: what suits the method): oklab, lab, yuv, ycbcr, rgb, linear"
SECONDS = "Paint until so many seconds have passed (0: as long as it takes)"
TUNE = "Fit the style to its painting for so many seconds, on the first photo; kept for all that follow (0: as it is read)"
SECONDS_MORE: dict[str, Any] = {"unit": "s", "group": "run"}
TILE_MORE: dict[str, Any] = {"unit": "px", "group": "run", "advanced": True}
EXPERT: dict[str, Any] = {"advanced": True}
RUN: dict[str, Any] = {"group": "run", "advanced": True}


@dataclass(frozen=True)
class Settings:
    """How to paint by optimisation. The total is content_weight·content + style_weight·style + tv_weight·TV + ..."""

    features: str = option("pocket", "Perceptual network: pocket, vgg19, or a safetensors file", file="network", words=("pocket", "vgg19"))
    content_layers: LayerWeights = option({"conv4_2": 1.0}, "Layers that keep the photo, with weights: conv3_2,conv4_2=0.5", **EXPERT)
    style_layers: LayerWeights = option(STYLE_LAYERS, "Layers that bring the style, with weights: conv1_1,conv3_1=2", **EXPERT)
    content_weight: float = option(0.05, "Weight of the content loss (alpha)", low=0)
    style_weight: float = option(1.0, "Weight of the style loss (beta)", low=0)
    tv_weight: float = option(0.0, "Weight of total variation (gamma)", low=0, label="Smoothness")
    temporal_weight: float = option(30.0, "Of a film: weight of staying as the frame before, where that can be trusted", low=0, **EXPERT)
    tv_form: str = option("squared", "Total variation of squared or absolute differences", choices=("squared", "absolute"), **EXPERT)
    style_loss: str = option("gram", "What of the style is matched", choices=("gram", "moments", "wasserstein"), **EXPERT)
    match: str = option(
        "statistics",
        "Match the style's statistics as a whole, or each place's features to their like in the painting",
        choices=("statistics", "semantic"),
    )
    histogram_weight: float = option(0.0, "Weight of matching feature histograms as well", low=0, **EXPERT)
    normalize: str = option(
        "relative", "Losses as the paper scales them, or relative to their targets",
        choices=("gatys", "relative"), former=("normalise",), **EXPERT,
    )  # fmt: skip
    shift: float = option(0.0, "Activation shift, subtracted from features before their Gram matrix", low=-1e4, high=1e4, **EXPERT)
    chained: bool = option(False, "Correlate each style layer with the next one instead of with itself", **EXPERT)
    pooling: str = option("max", "Pooling between blocks", choices=("max", "average", "l2"), **EXPERT)
    start: str = option(
        "recolored", "Start from: photo, recolored (photo in the style's colours), noise, gray, or a picture's path",
        file="picture", words=STARTS, group="input", renamed={"recoloured": "recolored", "grey": "gray"},
    )  # fmt: skip
    optimizer: str = option("lbfgs", "Solver", choices=("adam", "lbfgs", "sgd"), former=("optimiser",), **RUN)
    rate: float = option(1.0, "Step size: about 1 for lbfgs, 0.02 for adam (in units of the pixel range)", low=1e-8, high=1e4, **RUN)
    momentum: str = option("none", "Of plain gradient descent: none, or Nesterov's", choices=("none", "nesterov"), **RUN)
    line_search: str = option("none", "Of plain gradient descent: steps as given, or by Armijo's rule", choices=("none", "armijo"), **RUN)
    iterations: int = option(40, "Iterations at the full size", low=0, high=1_000_000, group="run")
    coarse_iterations: int = option(0, "Iterations at each coarser scale", low=0, high=1_000_000, **RUN)
    smallest: int = option(128, "Long side of the coarsest scale, px", low=16, high=100_000, unit="px", **RUN)
    scale_step: float = option(2.0, "Ratio of one scale to the next", low=1.05, high=8, **RUN)
    warm_features: str = option(
        "", "Network that does all but the last iterations (empty: the same one)", file="network", words=("pocket", "vgg19"), **RUN
    )
    warm_iterations: int = option(0, "Iterations of the warm network at the full size", low=0, high=1_000_000, **RUN)
    average: float = option(
        0.0, "Decay of the running average of iterates that becomes the picture (0: the last iterate)", low=0, high=0.9999, **RUN
    )
    tolerance: float = option(
        0.0, "Stop a scale once 10 iterations improve the loss by less than this share (0: never)", low=0, high=1, **RUN
    )
    style_size: float = option(1.0, STYLE_SIZE, low=0.05, high=20, group="style")
    style_fit: str = option("photo", "Scale the style picture to the photo, or keep its own size", choices=("photo", "own"), group="style")
    precision: str = option("auto", "Arithmetic of the network", choices=("auto", "float32", "bfloat16"), **RUN)
    tile: int = option(0, TILE, low=0, high=100_000, **TILE_MORE)
    seconds: float = option(0.0, SECONDS, low=0, high=1e7, **SECONDS_MORE)
    color: str = option("style", COLOR, choices=COLORS)
    color_method: str = option("", COLOR_METHOD, **EXPERT)
    color_space: str = option("", COLOR_SPACE, **EXPERT)

    def __post_init__(self) -> None:
        check_all(self)


@dataclass(frozen=True)
class InstantSettings:
    """How to paint with a trained network."""

    strength: float = option(1.0, "How far to go from the photo, 0, to the painting, 1", low=0, high=1)
    style_size: float = option(1.0, STYLE_SIZE, low=0.05, high=20, group="style")
    tune: float = option(0.0, TUNE, low=0, high=1e6, unit="s", group="style", label="Tune the style")
    seconds: float = option(0.0, SECONDS, low=0, high=1e7, **SECONDS_MORE)
    color: str = option("style", COLOR, choices=COLORS)
    color_method: str = option("", COLOR_METHOD, **EXPERT)
    color_space: str = option("", COLOR_SPACE, **EXPERT)
    tile: int = option(0, TILE, low=0, high=100_000, **TILE_MORE)
    backend: str = option(
        "auto",
        "What runs the network: the faster of those installed in float32, or by name; bfloat16 is faster, and rounds to 0.4 %",
        choices=("auto", "onnxruntime", "openvino", "openvino-bfloat16"),
        **RUN,
    )
    model: str = option(
        "", "Paint with a network from elsewhere instead: an ONNX file that takes a picture and gives one", file="network", group="style"
    )
    model_layout: str = option("auto", "Order of its input's axes", choices=("auto", "nchw", "nhwc"), **EXPERT)
    model_order: str = option("auto", "Order of its colours", choices=("auto", "rgb", "bgr"), **EXPERT)
    model_range: str = option("auto", "Range of its values", choices=("auto", "0..1", "-1..1", "0..255"), **EXPERT)
    model_output: str = option("", "Name of the output that is the picture (empty: found out)", **EXPERT)
    model_inputs: str = option("", "Numbers that it takes beside the picture: alpha=0.5, several by comma", **EXPERT)
    model_multiple: int = option(0, "What the sides of its pictures must be multiples of (0: found out)", low=0, high=4096, **EXPERT)

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
        words=("triangle", "rectangle", "rotated-rectangle", "ellipse", "rotated-ellipse", "circle", "polygon", "stroke", "line"),
    )
    count: int = option(0, "Shapes to draw (0: 100, or no end where `until` or `seconds` is given)", low=0, high=1_000_000)
    until: float = option(0.0, "Stop at this score: root mean square error over RGBA in 0..1 (0: none)", low=0, high=1, group="run")
    seconds: float = option(0.0, "Stop after so many seconds (0: none)", low=0, high=1e7, former=("time",), **SECONDS_MORE)
    alpha: float = option(0.5, "Opacity of the shapes (0: each shape its own)", low=0, high=1)
    background: str = option("auto", "auto (the photo's mean colour; none where the photo has transparent parts), none, or #rrggbb")
    palette: str = option("", "Draw only with the colours of this painting, or with these: #rrggbb,#rrggbb", file="picture", group="style")
    palette_size: int = option(
        0, "How many colours a palette has (0: 16 of a painting, no limit without one)",
        low=0, high=256, group="style", former=("colours",),
    )  # fmt: skip
    density: str = option(
        "", "Where shapes matter most: saliency, or a mask (a picture, white counts most)", file="picture", words=("saliency",)
    )
    work_size: int = option(256, "Long side of the picture that shapes are fitted to, px", low=1, high=4096, unit="px", **RUN)
    smallest: float = option(4.0, "Size of the smallest fresh shapes, px", low=0.5, high=4096, unit="px", **EXPERT)
    largest: float = option(64.0, "Size of the largest fresh shapes, px", low=0.5, high=4096, unit="px", **EXPERT)
    search: str = option("climb", "Hill climbing or simulated annealing", choices=("climb", "anneal"), **RUN)
    climbs: int = option(8, "Searches for each shape, of which the best is drawn", low=1, high=10_000, **RUN)
    tries: int = option(100, "Random shapes that each search starts from the best of", low=1, high=1_000_000, **RUN)
    age: int = option(60, "Changes in a row without success after which a search ends", low=1, high=1_000_000, **RUN)
    refine: int = option(
        4,
        "Rounds at the end that draw the least useful tenth anew and refine all shapes together (0: none, nor on the way)",
        low=0,
        high=1000,
        **RUN,
    )
    start: str = option("", "Go on from this drawing (JSON that was written of it)", file="drawing", group="input")
    workers: int = option(0, "Threads (0: as many as cores); the drawing is the same with any number", low=0, high=1024, **RUN)

    def __post_init__(self) -> None:
        check_all(self)
        if 0 < self.alpha < 0.004:
            raise SettingError("alpha", "under 1/255 nothing can be seen; 0 lets each shape choose", self.alpha)
        if self.smallest > self.largest:
            raise SettingError("smallest", f"is more than `largest`, {self.largest:g}", self.smallest)


AnySettings = Settings | InstantSettings | DrawSettings
FORMER = {name: each.name for kind in (Settings, InstantSettings, DrawSettings) for each in options(kind).values() for name in each.former}
"""Names that settings had before, which old pictures have in them, to those of now."""
