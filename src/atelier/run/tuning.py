"""Style codes fitted before painting, where the request has seconds for it."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence

from atelier.engines.guide import Sample
from atelier.engines.session import Session
from atelier.errors import MissingExtra, SettingError
from atelier.image import Image, decode
from atelier.progress import Report
from atelier.request import AnySettings, InstantSettings, Request


def tune(
    samples: Sequence[Sample], photo: Image, request: Request, settings: AnySettings, session: Session, report: Report
) -> list[Sample]:
    """The samples, each with a code that was fitted to it on the photo; as they are where no time is given.

    Raises MissingExtra, SettingError, WeightsError, Diverged.
    """
    if not isinstance(settings, InstantSettings) or not settings.tune or settings.model:
        return list(samples)
    if not all(importlib.util.find_spec(name) for name in ("torch", "onnx")):
        raise MissingExtra("tuning a style", "train")
    from atelier.engines.network.engine import see
    from atelier.engines.network.kind import models
    from atelier.training.tune import tune_code

    opened = models(settings, request.device, session)
    regions = {sample.region for sample in samples}
    named = {place: all(not isinstance(s.picture, Image) for s in samples if s.region == place) for place in regions}
    seconds = settings.tune / len(samples)
    out = []
    for sample in samples:
        body = "styles" if named[sample.region] else "painter"
        picture = sample.picture if isinstance(sample.picture, Image) else swatch_of(sample)
        begun = see(sample, named[sample.region], opened).code
        code = tune_code(picture, photo, begun, body, seconds, request.device, request.seed, report)
        out.append(dataclasses.replace(sample, code=code))
    return out


def swatch_of(sample: Sample) -> Image:
    """The picture of a style by name. Raises SettingError where it has none."""
    assert not isinstance(sample.picture, Image)
    if not sample.picture.swatch:
        raise SettingError("tune", f"the style {sample.picture.name} has no picture to be fitted to")
    return decode(sample.picture.swatch)
