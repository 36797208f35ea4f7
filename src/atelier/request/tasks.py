"""Options of what is asked for beside pictures: colours of one picture on another, a photo in parts, an exploration, a judgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atelier.request.options import check_all, option

SEED = "Seed of all that is random: same seed, same result"
SIDE: dict[str, Any] = {"low": 48, "high": 4096, "unit": "px", "group": "result"}
SIDE_HELP = "Long side of a picture on the sheet, px at the most"


@dataclass(frozen=True)
class Recoloring:
    """How one picture gets the colours of another. Raises SettingError."""

    method: str = option("transport", "How: see `list`", group="look")
    space: str = option("", "Colour space (default: what suits the method): see `list`", group="look")
    mask: str = option("", "Picture, white where colours change; elsewhere they stay bit for bit", file="picture", group="input")
    like_mask: str = option("", "Picture, white where the colours are taken from", file="picture", group="input")
    stretch: float = option(3.0, "By how much differences of colour may grow at the most", low=1, group="look")
    seed: int = option(0, SEED, group="run")

    def __post_init__(self) -> None:
        check_all(self)


@dataclass(frozen=True)
class Parting:
    """How a photo is divided into regions."""

    regions: str = option("auto", "auto (object and background), auto:5, a plug-in's name, or a map", file="picture", group="style")
    box: str = option("", "The object lies in this box of the photo: LEFT,TOP,RIGHT,BOTTOM in px", group="input")
    scribbles: str = option(
        "", "Picture of the photo's size, white on the object and black on the background, transparent or grey elsewhere",
        file="picture", group="input",
    )  # fmt: skip


@dataclass(frozen=True)
class Exploring:
    """What an exploration shows, besides what it varies."""

    size: int | None = option(None, "Long side of each picture in px (default: 512, or a smaller photo's own)", unit="px", group="result")
    steps: int = option(7, "Pictures from one style of a blend to another", low=2, high=101, group="look")
    side: int = option(256, SIDE_HELP, **SIDE)
    judge: bool | None = option(None, "Judge style and content (default: for a page)", group="result")
    plot: str | None = option(
        None, "Draw losses and time against the one thing varied that is a number: .png, .svg or .pdf", group="result"
    )
    cells: str | None = option(None, "Folder of the pictures (default: OUT-cells, beside the sheet)", group="result")


@dataclass(frozen=True)
class Judging:
    """How pictures are judged between a photo and a painting."""

    content: str | None = option(None, "The photo they were painted from", file="picture", group="input")
    style: str | None = option(None, "The painting in whose manner they are, or a style by name", file="picture", group="style")
    size: int = option(512, "Long side that pictures are looked at in, px", low=1, unit="px", group="run")
    features: str = option(
        "auto", "Network that looks: vgg19, pocket, a safetensors file, none, or auto: vgg19 if it is here",
        file="network", words=("auto", "vgg19", "pocket", "none"), group="run",
    )  # fmt: skip
    side: int = option(320, SIDE_HELP, **SIDE)
    seed: int = option(0, SEED, group="run")
