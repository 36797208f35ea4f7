"""How networks are trained: every option, declared once. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atelier.errors import SettingError
from atelier.request import check_all, option

MULTIPLE, SMALLEST = 16, 32
"""Sides of training crops are multiples of the one and at least the other: below, conv5_1 has one position left."""

CONTENT = "Content error at which training holds; the weight of the content loss is found by feedback (higher: more painting, less photo)"
TV = "Weight of total variation"
GRID = "Weight of the share of a picture's detail that repeats every 8 px, a grid"
BATCH = "Pictures a step, of each process"
TOGETHER = "A batch is crops of one photo in one style, whose Gram matrices are taken over all of them, as over the whole of a picture"
CROP = "Side of the crops that are painted, px"
WHOLE = "Share of the steps that paint one photo as a whole, of a long side of 1.5 to 2 times `crop`, in place of crops"
CALM = "Share of composed pictures of skies, walls and paper among the photos"
STYLE_SIZE = "Long side at which a style's painting is looked at, px: more makes larger strokes"
SECONDS = "Take about this long: the steps are set by the pace of the first tenth (0: no limit)"
TIME: dict[str, Any] = {"low": 0, "high": 1e8, "unit": "s", "former": ("minutes",), "rescaled": {"minutes": 60}}
THREADS = "Threads of the processor (0: as torch has it)"
PRECISION = "Arithmetic of the painter; auto is bfloat16 where the device multiplies it, else float32"


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained, its shape included."""

    reader: bool = option(True, "Learn to read any painting's style, or only a table of the styles given")
    seen: bool = option(False, "Give the body the photo's features too, with the painting's mean and covariance")
    output: str = option("sigmoid", "What the last layer's values go through", choices=("sigmoid", "tanh", "linear"))
    norm: str = option("instance", "Statistics of the normalisations: each picture's, or the batch's", choices=("instance", "batch"))
    fine: int = option(48, "Channels at 1/4 of the resolution", low=4, high=1024)
    wide: int = option(96, "Channels at 1/8", low=4, high=2048)
    deep: int = option(96, "Channels at 1/16", low=4, high=4096)
    half: int = option(16, "Channels at 1/2", low=4, high=512)
    blocks: int = option(4, "Residual blocks at 1/8", low=0, high=64)
    deep_blocks: int = option(2, "Residual blocks at 1/16", low=0, high=64)
    fine_blocks: int = option(1, "Residual blocks at 1/4", low=0, high=64)
    rank: int = option(4, "Rank of the matrix over channels that each style has in two places", low=1, high=256)
    reader_hidden: int = option(256, "Units of the reader's first hidden layer", low=4, high=8192)
    reader_code: int = option(96, "Units of its second, of which it makes the style's numbers", low=4, high=8192)
    features: str = option("pocket", "Network that the losses see through")
    content: float = option(0.6, CONTENT, low=0.01, high=2)
    contents: str = option("", "Content errors of single styles that are to differ: udnie=0.4,great_wave=0.6")
    content_weight: float = option(1.0, "Weight of the content loss to begin with", low=1e-3, high=10)
    content_rate: float = option(0.01, "Speed of the feedback; 0 keeps the weight as it is", low=0, high=1)
    tv: float = option(2.0, TV, low=0, high=100)
    grid: float = option(0.3, GRID, low=0, high=100)
    cross: float = option(0.03, "Share of steps that ask for the photo itself back, in place of a style", low=0, high=0.9)
    steps: int = option(10_000, "Steps in all", low=1, high=100_000_000)
    seconds: float = option(0.0, SECONDS, **TIME)
    batch: int = option(3, BATCH, low=1, high=4096)
    together: bool = option(False, TOGETHER)
    crop: int = option(256, CROP, low=SMALLEST, high=2048)
    whole: float = option(0.5, WHOLE, low=0, high=1)
    calm: float = option(0.06, CALM, low=0, high=1)
    photo_crops: int = option(2560, "Crops of photos that are made and kept in memory, each with what the losses see of it", low=1)
    style_size: int = option(512, STYLE_SIZE, low=SMALLEST, high=4096)
    style_crops: int = option(
        12, "Looks of a reader at each painting by name: the whole of it, then parts at other sizes", low=1, high=1000
    )
    varied: float = option(0.0, "Share of a reader's looks at parts of paintings that get other colours, and are turned", low=0, high=1)
    painting_looks: int = option(4000, "Looks at `paintings`, at least two of each, that are kept in memory", low=1)
    named_share: float = option(0.35, "Share of the steps for `styles`, where a reader has `paintings` as well", low=0, high=1)
    rate: float = option(3e-3, "Step size of Adam", low=1e-8, high=1)
    table_rate: float = option(3.0, "How many times that for a table of styles", low=0, high=1000)
    warmup: int = option(100, "Steps in which the rate rises", low=0, high=1_000_000)
    decay: float = option(0.4, "Last share of the steps, in which the rate falls", low=0.01, high=1)
    every: int = option(250, "Steps between checkpoints and sample sheets", low=1, high=1_000_000)
    start: str = option("", "Begin with the weights of this network.safetensors or folder, as far as they fit; shipped: of those that ship")
    freeze_body: bool = option(False, "Train the reader or the table alone, not the body")
    hold_out: str = option("", "Names of styles to leave out, by comma")
    precision: str = option("auto", PRECISION, choices=("auto", "float32", "bfloat16"))
    threads: int = option(0, THREADS, low=0, high=1024)

    def __post_init__(self) -> None:
        check_all(self)
        if self.crop % MULTIPLE:
            raise SettingError("crop", f"must be a multiple of {MULTIPLE}", self.crop)
        if self.contents and self.reader:
            raise SettingError("contents", "`contents` is for styles that have a row of a table each: give `no_reader`")
        for name, content in self.single_contents.items():
            if not 0.01 <= content <= 2:
                raise SettingError("contents", "must be from 0.01 to 2", f"{name}={content:g}")
        if self.freeze_body and not self.start:
            raise SettingError("freeze_body", "`freeze_body` needs a body that is trained already: give `start`")

    @property
    def single_contents(self) -> dict[str, float]:
        """Style to content error. Raises SettingError."""
        found: dict[str, float] = {}
        for part in filter(None, (p.strip() for p in self.contents.split(","))):
            name, _, value = (p.strip() for p in part.partition("="))
            try:
                found[name] = float(value)
            except ValueError:
                raise SettingError("contents", "write udnie=0.4,great_wave=0.6", part) from None
        return found


@dataclass(frozen=True)
class StyleSettings:
    """How one style is trained into the body that ships."""

    seconds: float = option(600.0, SECONDS, **TIME)
    steps: int = option(1500, "Steps at most", low=1, high=1_000_000)
    content: float = option(0.6, CONTENT, low=0.01, high=2)
    tv: float = option(2.0, TV, low=0, high=100)
    grid: float = option(0.3, GRID, low=0, high=100)
    batch: int = option(3, BATCH, low=1, high=4096)
    crop: int = option(256, CROP, low=SMALLEST, high=2048)
    photo_crops: int = option(240, "Crops of photos that are made and kept in memory", low=1)
    style_size: int = option(512, STYLE_SIZE, low=SMALLEST, high=4096)
    rate: float = option(6e-3, "Step size of Adam", low=1e-8, high=1)
    threads: int = option(0, THREADS, low=0, high=1024)

    def __post_init__(self) -> None:
        check_all(self)
        if self.crop % MULTIPLE:
            raise SettingError("crop", f"must be a multiple of {MULTIPLE}", self.crop)

    @property
    def full(self) -> TrainSettings:
        """As the loop takes them. No steps for the photo itself: the body and its numbers for that stay as they are."""
        return TrainSettings(
            reader=False, content=self.content, tv=self.tv, grid=self.grid, cross=0.0, steps=self.steps,
            seconds=self.seconds, batch=self.batch, crop=self.crop, photo_crops=self.photo_crops, style_size=self.style_size,
            rate=self.rate, table_rate=1.0, warmup=20, content_rate=0.03, whole=0.0, calm=0.0, threads=self.threads,
        )  # fmt: skip
