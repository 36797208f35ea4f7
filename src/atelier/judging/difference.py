"""How one picture differs from another, pixel by pixel: numbers, and a map to look at."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from atelier.errors import SettingError
from atelier.image import Image, resize
from atelier.image.sheet import INK, PAPER, Block, Cell, Letters, grid_sheet
from atelier.image.spaces import lab_from_srgb, oklab_from_srgb, srgb_from_oklab
from atelier.image.value import Pixels
from atelier.judging.distances import Floats, luminance, ssim
from atelier.progress import Progress, Report, silent

if TYPE_CHECKING:
    from atelier.judging.panel import Verdict

NOTICED = 2.3
"""ΔE from which a difference of colour is just noticed (Mahy et al. 1994)."""
WINDOW = 11
"""Side of the least picture that has an SSIM, px."""
RAMP = ("#0a0a1e", "#461a6e", "#a52d6e", "#eb643c", "#fabe3c", "#fcfadc")
"""Colours of a map from no difference to the largest shown: lighter and lighter."""
ROW = 5
"""Pictures in a row of a sheet, the first one again in each."""


@dataclass(frozen=True)
class Difference:
    """Plain numbers about two pictures of one size.

    psnr: 10 log₁₀(1 / mean squared difference of sRGB in [0, 1]), dB; infinite where they are the same. ssim: of luminance (Wang et al.
    2004), 1 is the same; None under 11 px a side. colour: mean ΔE*ab, the Euclidean distance in CIELAB (CIE 1976). colour_95: ΔE that 95 %
    of the pixels stay under. noticed: share of the pixels that differ by more than ΔE 2.3.
    """

    psnr: float
    ssim: float | None
    color: float
    color_95: float
    noticed: float

    def to_json(self, **more: object) -> str:
        """As one line of JSON, which has no infinity: psnr is null where the pictures are the same. more: further entries."""
        known = dataclasses.asdict(self) | {"psnr": self.psnr if math.isfinite(self.psnr) else None}
        return json.dumps({**known, **more}, ensure_ascii=False)


@dataclass(frozen=True)
class Comparison:
    """Pictures held against the first of them.

    labels: a name for each. pictures: as they were compared, of the first one's size and over white. resized: whether each was brought to
    that size. differences: of all but the first. verdicts: of each, where they were judged between a photo and a painting, else none.
    """

    labels: tuple[str, ...]
    pictures: tuple[Image, ...]
    resized: tuple[bool, ...]
    differences: tuple[Difference, ...]
    verdicts: tuple[Verdict, ...] = ()

    def sheet(self, side: int = 320) -> Image:
        """All side by side, and under each where it differs from the first. side: of each, px at the most."""
        return side_by_side(list(zip(self.labels, self.pictures, strict=True)), self.differences, side=side)


def compared(
    pictures: Sequence[tuple[str, Image]], judge: Callable[[Image], Verdict] | None = None, *, report: Report = silent
) -> Comparison:
    """Two pictures or more, with a name each, held against the first, to whose size those of another are brought, with a word.

    judge: says of each how close it came (`atelier.judging.Judge`). Raises SettingError for a single one.
    """
    if len(pictures) < 2:
        alone = f"{pictures[0][0]} alone cannot be compared" if pictures else "there is nothing to compare"
        raise SettingError("pictures", f"{alone}: give two pictures or more")
    opened = [picture.flat() for _, picture in pictures]
    first, resized = opened[0], [False] * len(opened)
    for i, image in enumerate(opened[1:], 1):
        if image.size != first.size:
            report(Progress("comparing", note=f"{pictures[i][0]} is brought from {_sides(image.size)} to {_sides(first.size)}"))
            opened[i], resized[i] = resize(image, first.size), True
    found, verdicts = [], []
    for i, image in enumerate(opened[1:], 1):
        found.append(difference(image, first))
        report(Progress("comparing", i, len(opened) - 1))
    for i, image in enumerate(opened if judge is not None else [], 1):
        assert judge is not None
        verdicts.append(judge(image))
        report(Progress("judging", i, len(opened)))
    return Comparison(tuple(label for label, _ in pictures), tuple(opened), tuple(resized), tuple(found), tuple(verdicts))


def _sides(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def difference(picture: Image, first: Image) -> Difference:
    """Raises SettingError for pictures of different sizes. What is transparent is laid over white."""
    _same_size(picture, first)
    a, b = picture.flat().pixels, first.flat().pixels
    apart = color_distances(a, b)
    squared = float(np.mean(np.square(a - b, dtype=np.float64)))
    return Difference(
        psnr=10 * math.log10(1 / squared) if squared else math.inf,
        ssim=ssim(luminance(a), luminance(b)) if min(picture.size) >= WINDOW else None,
        color=float(apart.mean(dtype=np.float64)),
        color_95=float(np.percentile(apart, 95)),
        noticed=float((apart > NOTICED).mean()),
    )


def color_distances(a: Pixels, b: Pixels) -> Floats:
    """ΔE*ab of every pixel: sRGB (H, W, 3), (H, W, 3) -> (H, W)."""
    apart: Floats = np.linalg.norm(lab_from_srgb(a) - lab_from_srgb(b), axis=-1).astype(np.float32)
    return apart


def scale_of(maps: Sequence[Floats]) -> float:
    """The ΔE that maps are light at: what 99.5 % of all pixels stay under, rounded up to 1, 2, 3, 5, 7, 10, 20, ..."""
    most = max((float(np.percentile(each, 99.5)) for each in maps), default=0.0)
    power = 10.0 ** math.floor(math.log10(max(most, 1.0)))
    return next(step * power for step in (1, 2, 3, 5, 7, 10) if most <= step * power or step == 10)


def map_of(apart: Floats, scale: float) -> Image:
    """Distances (H, W) as colours: dark where there are none, lightest at `scale` and over it."""
    stops = oklab_from_srgb(np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in RAMP], np.float32) / np.float32(255))
    share = np.clip(apart / scale, 0, 1)
    mixed = np.stack([np.interp(share, np.linspace(0, 1, len(RAMP)), stops[:, channel]) for channel in range(3)], axis=-1)
    return Image(np.clip(srgb_from_oklab(mixed.astype(np.float32)), 0, 1))


def legend(size: tuple[int, int], scale: float) -> Image:
    """What a map's colours mean, as a picture of this size (at least 64 px wide and 40 high, for its words)."""
    width, height = max(size[0], 64), max(size[1], 40)
    page = Pillow.new("RGB", (width, height), (PAPER,) * 3)
    font = Letters(max(12, min(16, width // 18)))
    bar, thick = width - 8, max(8, min(24, height // 8))
    top = height // 2 - thick
    ramp = map_of(np.tile(np.linspace(0, 1, bar, dtype=np.float32), (thick, 1)), 1.0)
    page.paste(Pillow.fromarray(ramp.to_array()), (4, top))
    font.put(page, 4, top - font.line, "colour", INK)  # the letters at hand have no Δ
    for share, words in ((0.0, "0"), (0.5, f"{scale / 2:g}"), (1.0, f"{scale:g}+")):
        font.put(page, 4 + round(share * (bar - font.length(words))), top + thick + 4, words, INK)
    return Image.from_array(np.asarray(page))


def side_by_side(
    pictures: Sequence[tuple[str, Image]], differences: Sequence[Difference], *, side: int = 320, words: Sequence[str] | None = None
) -> Image:
    """Pictures of one size beside the first of them, and under each of them where it differs from that.

    differences: of all but the first. side: of a picture on the sheet, px at the most. words: more to say under each. Raises SettingError.
    """
    (name, first), others = pictures[0], pictures[1:]
    maps = [color_distances(picture.flat().pixels, first.flat().pixels) for _, picture in others]
    scale = scale_of(maps)
    more = list(words) if words else [""] * len(pictures)
    shown = min(side, max(first.size))
    key = Cell(legend((shown, max(40, round(shown * first.size[1] / max(first.size)))), scale), f"CIELAB difference from {name}")
    blocks = []
    for start in range(0, len(others), ROW - 1):
        part = range(start, min(start + ROW - 1, len(others)))
        top = [Cell(first, more[0]), *(Cell(others[i][1], more[i + 1]) for i in part)]
        under = [key, *(Cell(map_of(maps[i], scale), in_words(differences[i])) for i in part)]
        blocks.append(Block([name, *(others[i][0] for i in part)], [("", top), ("", under)]))
    return grid_sheet(blocks, side=side)


def in_words(found: Difference) -> str:
    """The numbers for a caption."""
    if found.psnr == math.inf:
        return "the same, pixel for pixel"
    likeness = f" · SSIM {found.ssim:.2f}" if found.ssim is not None else ""
    return f"{found.psnr:.1f} dB{likeness}\ncolour {found.color:.1f}"


def _same_size(picture: Image, first: Image) -> None:
    if picture.size != first.size:
        raise SettingError(
            "pictures",
            f"pictures of {picture.size[0]}x{picture.size[1]} and {first.size[0]}x{first.size[1]} px cannot be compared pixel by pixel: "
            "resize one",
        )
