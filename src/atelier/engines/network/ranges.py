"""The range of values that a network from elsewhere takes and gives, found out by trying."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atelier.engines.network.contract import RANGES, Contract, made_photo, round_up
from atelier.engines.network.runner import Runner
from atelier.errors import SettingError, WeightsError
from atelier.image import Image, resize
from atelier.image.value import Pixels

SAME, CLEAR, USUAL = 0.02, 1.3, 1.5
"""Mean difference up to which two pictures are the same; how many times better the best range must fit than the next; what it
counts for that a range comes out as it went in."""


@dataclass(frozen=True)
class _Trial:
    """How a range of values fits. picture: what came of the made photo, in [0, 1]."""

    values: str
    out: str
    picture: Pixels
    fit: float


def find_ranges(runner: Runner, contract: Contract, asked: str, asked_out: str) -> tuple[str, str]:
    """The ranges of input and output, of which one may be told."""
    size = contract.size or (round_up(192, contract.multiple), round_up(128, contract.multiple))
    photo = made_photo(*size)
    whole = np.dtype(contract.dtype).kind == "u"
    raw = replace(contract, out_low=0.0, out_high=1.0)
    answers: dict[str, Pixels] = {}
    failed: WeightsError | None = None
    for name in ["0..255"] if whole else [asked] if asked != "auto" else RANGES:
        try:
            low, high = RANGES[name]
            answers[name] = raw.out_of(raw.run(runner, replace(contract, low=low, high=high).into(photo)))
        except WeightsError as error:
            failed = error
    if failed and not answers:
        raise failed
    ends = asked_out
    if asked_out == "auto":
        integers = next(port.dtype for port in runner.outputs if port.name == contract.output) in ("uint8", "int32", "int64")
        ends = "0..255" if integers else "auto" if whole else _bounds(runner, raw, size, list(answers.values()))
    trials = [_trial(name, ends if ends != "auto" else _guess(answer), answer, photo) for name, answer in answers.items()]
    if len(answers) == 1 and (whole or asked != "auto"):  # nothing to choose from
        return trials[0].values, trials[0].out
    trials = sorted((trial for trial in trials if trial.fit > 0), key=lambda trial: -trial.fit)
    if not trials:
        raise SettingError(
            "model_range", f"{runner.label} makes no picture of a photo, whatever its range of values: give `model_range`, if you know it"
        )
    best = trials[0]
    for other in trials[1:]:
        alike = float(abs(best.picture - other.picture).mean()) <= SAME
        if not alike and best.fit < CLEAR * other.fit:
            raise SettingError(
                "model_range",
                f"{runner.label} makes different pictures of values in {best.values} and in {other.values}, both likely: "
                f"give `model_range={best.values}` or `model_range={other.values}`",
            )
    return best.values, best.out


def _bounds(runner: Runner, raw: Contract, size: tuple[int, int], answers: list[Pixels]) -> str:
    """The range of an output that ends, by the answers to photos and to large noise; else auto."""
    noise = np.random.default_rng(1).standard_normal((size[1], size[0], 3)) * 300
    try:
        answers = [*answers, raw.out_of(raw.run(runner, raw.arranged(noise).astype(raw.dtype)))]
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
