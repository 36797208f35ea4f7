"""Networks from elsewhere: any ONNX model that takes one picture and gives one.

Such files do not say what their numbers mean. The zoo's fast-neural-style nets take RGB in 0..255, AnimeGAN and CycleGAN
-1..1, the first with the channels last, some CartoonGANs B, G, R. So a `Contract` is read from what the file tells (types,
shapes, metadata under `atelier.*`), from trying, or from what the user says.

**What is tried.** Sizes: the smallest multiple, of 1, 2, 4 to 64, at which a picture's proportions come out as they went in. The
range of values: a made photo, under each range there is, and large noise, which shows where an output that is bounded (tanh,
sigmoid, clipped) ends. A range fits as well as the picture's luminance, coarsely, is still the photo's, or its negative
(correlation), at its contrast. Ranges that come in as they go out count half as much again, as nearly all nets were trained so.
If the best and the next give different pictures and fit about equally, nothing is guessed: it is a SettingError. The order of
colours cannot be seen in an answer; it is RGB unless the file or the user says otherwise.

**Nets of a fixed size** get the whole photo shrunk to that, and their picture is enlarged again, which is said. They are not run
on tiles: most normalise over what they see, so tiles of one photo would not match, and their strokes are of the trained size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atelier.engines.network.runner import Runner, open_model
from atelier.engines.network.tiles import reflected
from atelier.errors import SettingError, WeightsError
from atelier.image import Image, fit, resize
from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings

RANGES = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
"""The numbers that black and white go in or come out as."""
FIXED_PIXELS = 64_000_000
"""Pixels that a model of a fixed size may ask for."""
LARGEST = 2048
"""Long side, px, above which a photo is painted smaller and its picture enlarged, unless the caller says otherwise: what nets
need at their widest grows to gigabytes there."""
SMALLEST = 64
"""Sides are extended to this, px, by reflection: nets that reflect or shrink fail on less."""
MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
SCALES = (1.0, 2.0, 3.0, 4.0, 8.0, 0.5, 0.25)
"""Times larger than the photo that a picture may be when sizes are tried: 2 and more are nets that sharpen."""
SAME, CLEAR, USUAL = 0.02, 1.3, 1.5
"""Mean difference up to which two pictures are the same; how many times better the best range must fit than the next; what it
counts for that a range comes out as it went in."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Contract:
    """What a model takes and gives.

    layout: order of the axes after the first, which is 1: nchw or nhwc. order: of the channels: rgb or bgr, in and out. low,
    high: what black and white go in as. out_low, out_high: what they come out as. multiple: of which both sides must be
    multiples. size: (width, height) where that is fixed. dtype: NumPy's name of the input's type.
    """

    layout: str = "nchw"
    order: str = "rgb"
    low: float = 0.0
    high: float = 1.0
    out_low: float = 0.0
    out_high: float = 1.0
    multiple: int = 1
    size: tuple[int, int] | None = None
    dtype: str = "float32"

    def into(self, pixels: Pixels) -> Array:
        """(H, W, 3) in [0, 1] to what the model takes."""
        values = pixels[:, :, ::-1] if self.order == "bgr" else pixels
        values = values * np.float32(self.high - self.low) + np.float32(self.low)
        if np.dtype(self.dtype).kind in "iu":
            values = np.rint(values)
        return self.arranged(values).astype(self.dtype)

    def arranged(self, values: Array) -> Array:
        """(H, W, 3) to (1, 3, H, W) or (1, H, W, 3)."""
        return np.ascontiguousarray(values.transpose(2, 0, 1) if self.layout == "nchw" else values)[None]

    def out_of(self, answer: Array) -> Pixels:
        """What the model gave to (H, W, 3), of which [0, 1] can be seen. Raises WeightsError for what is no picture."""
        values = answer[0] if answer.ndim == 4 and len(answer) == 1 else answer
        if values.ndim != 3 or 3 not in (values.shape[0], values.shape[2]) or 0 in values.shape:
            raise WeightsError(f"the model gives {' × '.join(map(str, answer.shape))} numbers, which is no picture in colour")
        first = values.shape[0] == 3 and (self.layout == "nchw" or values.shape[2] != 3)
        values = (values.transpose(1, 2, 0) if first else values).astype(np.float32)
        values = values[:, :, ::-1] if self.order == "bgr" else values
        return np.ascontiguousarray((values - np.float32(self.out_low)) / np.float32(self.out_high - self.out_low))


class ForeignEngine:
    """Built once from a model and its contract, then called per picture. largest: as LARGEST; 0 for no limit."""

    def __init__(self, runner: Runner, contract: Contract, *, largest: int = LARGEST) -> None:
        self.runner, self.contract, self.largest = runner, contract, largest

    def __call__(self, content: Image, *, report: Report = silent) -> Image:
        """Paint. The result has the content's size and, as it is, its alpha.

        Raises WeightsError where the model fails or gives NaN; AtelierError where there is not enough memory.
        """
        report(Progress("painting", 0, 1, note=self.word(content.size)))
        pixels = np.asarray(resize(content, self.size_of(content.size)).pixels)
        height, width = pixels.shape[:2]
        if self.contract.size is None:
            rows, columns = (reflected(0, _upward(n, self.contract.multiple), n) for n in (height, width))
            pixels = pixels[rows][:, columns]
        painted = self.contract.out_of(_run(self.runner, self.contract.into(pixels)))
        if not np.isfinite(painted).all():
            raise WeightsError(f"{self.runner.label} gives no numbers (NaN): perhaps it wants other values; see --model-range")
        picture = resize(Image(painted.clip(0, 1)), pixels.shape[1::-1])  # nets that enlarge, or lose their borders
        picture = resize(Image(picture.pixels[:height, :width]), content.size)
        report(Progress("painting", 1, 1))
        return replace(content, pixels=picture.pixels)

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) that a photo is painted at."""
        if self.contract.size:
            return self.contract.size
        return fit(size, self.largest) if 0 < self.largest < max(size) else size

    def word(self, size: tuple[int, int]) -> str:
        """What the user should know about the size."""
        at = self.size_of(size)
        if at == size:
            return ""
        why = "paints at that size alone" if self.contract.size else "needs much memory"
        return f"painted at {at[0]} × {at[1]} and brought to {size[0]} × {size[1]}: {self.runner.label} {why}"


def open_foreign(settings: InstantSettings, device: str = "auto", *, report: Report = silent) -> ForeignEngine:
    """The engine that the settings ask for (`model` and all that begin with it, `backend`). Raises as `open_model` and
    `read_contract` do."""
    runner = open_model(Path(settings.model).expanduser(), device=device, backend=settings.backend)
    contract = read_contract(
        runner,
        layout=settings.model_layout,
        order=settings.model_order,
        values=settings.model_range,
        multiple=settings.model_multiple,
        report=report,
    )
    return ForeignEngine(runner, contract)


# The contract ---------------------------------------------------------------------------------------------------------


def read_contract(
    runner: Runner, *, layout: str = "auto", order: str = "auto", values: str = "auto", multiple: int = 0, report: Report = silent
) -> Contract:
    """What a model takes and gives: as told; else as its metadata says; else by its shapes; else by trying.

    layout: nchw, nhwc. order: rgb, bgr. values: one of RANGES. multiple: 0 to try. Metadata: `atelier.layout`, `.order`,
    `.range`, `.output_range`, `.multiple`, written as the options are.

    Raises SettingError, which names the option to give, where that does not tell; WeightsError for a model that does not make
    one picture of one.
    """
    _check_ports(runner)

    def known(name: str, told: str, choices: tuple[str, ...]) -> str:
        said = told if told != "auto" else runner.metadata.get(f"atelier.{name}", "auto").strip().lower()
        if said not in ("auto", *choices):
            where = f"--model-{name} {said}" if said == told else f"{runner.label} says its {name} is {said[:40]!r}"
            raise SettingError(f"{where}: choose from {', '.join(choices)}")
        return said

    said = known("order", order, ("rgb", "bgr"))
    contract = Contract(order="bgr" if said == "bgr" else "rgb", dtype=runner.inputs[0].dtype)
    contract = _laid_out(runner, contract, known("layout", layout, ("nchw", "nhwc")))
    contract = replace(contract, multiple=_multiple(runner, contract, multiple))
    in_range, out_range = known("range", values, tuple(RANGES)), known("output_range", "auto", tuple(RANGES))
    if contract.dtype == "uint8" and in_range not in ("auto", "0..255"):
        raise SettingError(f"--model-range {in_range}: {runner.label} takes whole numbers from 0 to 255")
    tried = "auto" in (in_range, out_range)
    if tried:
        in_range, out_range = _ranges(runner, contract, in_range, out_range)
    low, high, out_low, out_high = *RANGES[in_range], *RANGES[out_range]
    if tried:
        report(Progress("opening", note=f"{runner.label}: values of {in_range} in and {out_range} out, by trying (see --model-range)"))
    return replace(contract, low=low, high=high, out_low=out_low, out_high=out_high)


def _check_ports(runner: Runner) -> None:
    if len(runner.inputs) != 1 or not runner.outputs:
        names = ", ".join(port.name for port in runner.inputs)[:80] or "none"
        raise WeightsError(f"{runner.label} takes {len(runner.inputs)} inputs ({names}): only models of one picture can be used here")
    (port,) = runner.inputs
    if port.dtype not in ("float32", "float16", "float64", "uint8"):
        raise WeightsError(f"{runner.label} takes values of type {port.dtype or 'unknown'}: only floats and uint8 are understood")
    if port.shape is not None and (len(port.shape) != 4 or port.shape[0] not in (None, 1)):
        shape = " × ".join("any" if side is None else str(side) for side in port.shape)
        raise WeightsError(f"{runner.label} takes {shape} numbers, which is not one picture in colour")


def _laid_out(runner: Runner, contract: Contract, layout: str) -> Contract:
    """With the layout, and the size where it is fixed."""
    shape = runner.inputs[0].shape or (None,) * 4
    text = " × ".join("any" if side is None else str(side) for side in shape)
    # name -> (channels, height, width)
    sides = {"nchw": (shape[1], shape[2], shape[3]), "nhwc": (shape[3], shape[1], shape[2])}
    sides = {name: each for name, each in sides.items() if each[0] in (None, 3) and layout in ("auto", name)}
    if certain := {name: each for name, each in sides.items() if each[0] == 3}:
        sides = certain
    usable = [
        replace(contract, layout=name, size=None if height is None or width is None else (width, height))
        for name, (_, height, width) in sides.items()
        if (height is None) == (width is None)
    ]
    if certain and not usable:
        raise WeightsError(
            f"{runner.label} takes {text} numbers, which fixes one side of a picture and not the other: that cannot be used here"
        )
    if not usable:
        raise WeightsError(
            f"{runner.label} takes {text} numbers: that is no picture in colour" + ("" if layout == "auto" else f" in {layout}")
        )
    for each in usable:
        if each.size and each.size[0] * each.size[1] > FIXED_PIXELS:
            raise WeightsError(
                f"{runner.label} paints at {text} alone, over the limit of {FIXED_PIXELS:,} pixels: that is no model for pictures"
            )
    if len(usable) > 1:
        usable = [each for each in usable if _tried(runner, each, each.size or (192, 128)) is not None]
    if len(usable) != 1:
        raise SettingError(f"{runner.label} does not tell the order of its axes: give --model-layout nchw or nhwc")
    return usable[0]


def _multiple(runner: Runner, contract: Contract, told: int) -> int:
    if contract.size:
        return 1
    said = str(told or runner.metadata.get("atelier.multiple", "0"))
    if not said.isdecimal() or int(said) > 4096:
        raise SettingError(f"{runner.label} says its multiple is {said[:40]!r}: give --model-multiple")
    if int(said):
        return int(said)
    for multiple in MULTIPLES:
        # Multiples of this one, and of none that comes after it.
        width, height = 192 + multiple, 128 + multiple
        answer = _tried(runner, contract, (width, height))
        if answer is not None and answer.shape[0] / height in SCALES and answer.shape[1] / width == answer.shape[0] / height:
            return multiple
    if _tried(runner, contract, (256, 256)) is None:
        contract.out_of(_run(runner, contract.into(_photo(256, 256))))  # says why
    raise SettingError(f"{runner.label} gives pictures of other proportions than it gets: give --model-multiple")


@dataclass(frozen=True)
class _Trial:
    """How a range of values fits. picture: what came of the made photo, in [0, 1]."""

    values: str
    out: str
    picture: Pixels
    fit: float


def _ranges(runner: Runner, contract: Contract, told: str, told_out: str) -> tuple[str, str]:
    """The ranges of input and output, of which one may be told."""
    size = contract.size or (_upward(192, contract.multiple), _upward(128, contract.multiple))
    photo = _photo(*size)
    whole = np.dtype(contract.dtype).kind == "u"
    raw = replace(contract, out_low=0.0, out_high=1.0)
    answers: dict[str, Pixels] = {}
    failed: WeightsError | None = None
    for name in ["0..255"] if whole else [told] if told != "auto" else RANGES:
        try:
            low, high = RANGES[name]
            answers[name] = raw.out_of(_run(runner, replace(contract, low=low, high=high).into(photo)))
        except WeightsError as error:
            failed = error
    if failed and not answers:
        raise failed
    ends = told_out
    if told_out == "auto":
        integers = runner.outputs[0].dtype in ("uint8", "int32", "int64")
        ends = "0..255" if integers else "auto" if whole else _bounds(runner, raw, size, list(answers.values()))
    trials = [_trial(name, ends if ends != "auto" else _guess(answer), answer, photo) for name, answer in answers.items()]
    if len(answers) == 1 and (whole or told != "auto"):  # nothing to choose from
        return trials[0].values, trials[0].out
    trials = sorted((trial for trial in trials if trial.fit > 0), key=lambda trial: -trial.fit)
    if not trials:
        raise SettingError(f"{runner.label} makes no picture of a photo, whatever its range of values: give --model-range, if you know it")
    best = trials[0]
    for other in trials[1:]:
        alike = float(abs(best.picture - other.picture).mean()) <= SAME
        if not alike and best.fit < CLEAR * other.fit:
            raise SettingError(
                f"{runner.label} makes different pictures of values in {best.values} and in {other.values}, both likely: "
                f"give --model-range {best.values} or --model-range={other.values}"
            )
    return best.values, best.out


def _bounds(runner: Runner, raw: Contract, size: tuple[int, int], answers: list[Pixels]) -> str:
    """The range of an output that ends, by the answers to photos and to large noise; else auto."""
    noise = np.random.default_rng(1).standard_normal((size[1], size[0], 3)) * 300
    try:
        answers = [*answers, raw.out_of(_run(runner, raw.arranged(noise).astype(raw.dtype)))]
    except WeightsError:
        return "auto"
    lowest, highest = min(float(a.min()) for a in answers), max(float(a.max()) for a in answers)
    for name, (low, high) in RANGES.items():
        slack = (high - low) * (0.1 if name == "0..255" else 0.02)  # Johnson's nets end in 150 tanh + 127.5
        if low - slack <= lowest and highest <= high + slack and highest - lowest >= 0.8 * (high - low):
            return name
    return "auto"


def _guess(answer: Pixels) -> str:
    """The range that an answer without ends is in, by all but its outermost hundredths."""
    low, high = np.percentile(answer, (1, 99))
    return "0..255" if high > 4 else "-1..1" if low < -0.15 else "0..1"


def _trial(values: str, out: str, answer: Pixels, photo: Pixels) -> _Trial:
    low, high = RANGES[out]
    decoded = (answer - low) / (high - low)
    picture = decoded.clip(0, 1)
    if not np.isfinite(decoded).all() or float(((decoded < -0.05) | (decoded > 1.05)).mean()) > 0.25:
        return _Trial(values, out, picture, 0.0)
    made, meant = _coarse(picture), _coarse(photo)
    contrast = float(made.std() / meant.std())
    if not 0.1 <= contrast <= 3:
        return _Trial(values, out, picture, 0.0)
    likeness = abs(float(np.corrcoef(made.ravel(), meant.ravel())[0, 1]))
    if likeness < 0.3:
        return _Trial(values, out, picture, 0.0)
    return _Trial(values, out, picture, likeness * min(contrast, 1.0) * (USUAL if values == out else 1.0))


def _coarse(pixels: Pixels) -> Pixels:
    """Luminance, (16, 24)."""
    return resize(Image(pixels), (24, 16)).pixels @ np.array([0.299, 0.587, 0.114], np.float32)


# Trying ---------------------------------------------------------------------------------------------------------------


def _tried(runner: Runner, contract: Contract, size: tuple[int, int]) -> Pixels | None:
    """What a model makes of a made photo of (width, height); None where it fails."""
    try:
        return contract.out_of(_run(runner, contract.into(_photo(*size))))
    except WeightsError:
        return None


def _run(runner: Runner, values: Array) -> Array:
    answer: Array = runner(**{runner.inputs[0].name: values})[0]
    return answer


def _photo(width: int, height: int) -> Pixels:
    """(H, W, 3) in [0, 1], always the same: a sky that fades, hills, black and white, and grain. Colours differ throughout."""
    y, x = np.mgrid[:height, :width] / np.array([height, width]).reshape(2, 1, 1)
    sky = np.stack([0.35 + 0.4 * y, 0.55 + 0.3 * y, 0.95 - 0.2 * y], axis=-1)
    ridge: Callable[[float, float], Array] = lambda at, waves: at + 0.08 * np.sin(waves * x) + 0.04 * np.sin(2.7 * waves * x + 1)  # noqa: E731
    picture = np.where((y > ridge(0.45, 9))[..., None], np.array([0.25, 0.35, 0.3]), sky)
    picture = np.where((y > ridge(0.7, 6))[..., None], np.array([0.75, 0.5, 0.2]) * (1.3 - 0.6 * x)[..., None], picture)
    picture = np.where(((x - 0.75) ** 2 + (y - 0.22) ** 2 < 0.012)[..., None], 1.0, picture)
    picture = np.where(((abs(x - 0.2) < 0.06) & (y > 0.4))[..., None], 0.0, picture)
    grain = np.random.default_rng(0).standard_normal((height, width, 3)) * 0.03
    return (picture + grain).clip(0, 1).astype(np.float32)


def _upward(length: int, multiple: int) -> int:
    """The least multiple that is at least `length` and SMALLEST."""
    return -(-max(length, SMALLEST) // multiple) * multiple
