"""Style codes fitted before painting, where the request has seconds for it."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence

from atelier.engines.engine import EngineKind
from atelier.engines.guide import Sample
from atelier.engines.session import Session
from atelier.errors import MissingExtra, SettingError
from atelier.image import Image, decode
from atelier.progress import Report
from atelier.request import AnySettings, Request


def tune(
    kind: EngineKind, samples: Sequence[Sample], photo: Image, request: Request, settings: AnySettings, session: Session, report: Report
) -> list[Sample]:
    """The samples, each with a code that was fitted to it on the photo; as they are where no time is given.

    Raises MissingExtra, SettingError, WeightsError, Diverged.
    """
    fitting = kind.fitting(samples, settings, request.device, session)
    if fitting is None:
        return list(samples)
    if not all(importlib.util.find_spec(name) for name in ("torch", "onnx")):
        raise MissingExtra("tuning a style", "train")
    from atelier.training.tune import tune_code

    seconds, out = fitting.seconds / len(samples), []
    for sample, (code, body) in zip(samples, fitting.codes(), strict=True):
        picture = sample.picture if isinstance(sample.picture, Image) else swatch_of(sample)
        fitted = tune_code(picture, photo, code, body, seconds, request.device, request.seed, report)
        out.append(dataclasses.replace(sample, code=fitted))
    return out


def swatch_of(sample: Sample) -> Image:
    """The picture of a style by name. Raises SettingError where it has none."""
    assert not isinstance(sample.picture, Image)
    if not sample.picture.swatch:
        raise SettingError("tune", f"the style {sample.picture.name} has no picture to be fitted to")
    return decode(sample.picture.swatch)
