"""What a picture says of how it was made: the request, its settings in full, and digests of what it was made from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import atelier
from atelier.engines.guide import Guide, Sample
from atelier.engines.table import settle
from atelier.image import Image
from atelier.image.encode import OUR_KEY
from atelier.request import Request


def sign(
    image: Image, request: Request, seconds: float, inputs: Mapping[str, Any], ran: Mapping[str, str] = {}, profile: str = "srgb"
) -> Image:  # fmt: skip
    """Embed in a picture what made it, without the secrets of URLs.

    ran: what the engine says of what ran it, such as its backend. profile: that the picture is written in, as in `Outputs`.
    """
    request = request.without_secrets()
    resolved = dataclasses.asdict(settle(request))
    more: dict[str, Any] = {"ran": dict(ran)} if ran else {}
    more |= {"profile": profile} if profile != "srgb" else {}
    embedded = request.to_json(version=atelier.__version__, resolved=resolved, seconds=round(seconds, 2), inputs=inputs, **more)
    return dataclasses.replace(image, text={**image.text, OUR_KEY: embedded})


def record_of(request: Request, seconds: float, **more: Any) -> Any:
    """The same for a drawing's JSON and for a film, as plain values. more: further entries."""
    return json.loads(request.without_secrets().to_json(version=atelier.__version__, seconds=round(seconds, 2), **more))


def unsigned(image: Image) -> Image:
    """A picture without what it says of how it was made, which would be how the photo was made."""
    return dataclasses.replace(image, text={name: text for name, text in image.text.items() if name != OUR_KEY})


# Digests --------------------------------------------------------------------------------------------------------------


def digest_inputs(content: Image, samples: Sequence[Sample], guide: Guide | None = None, start: Image | None = None) -> dict[str, Any]:
    """Digests of a photo, of paintings, of what styles by name are by now, of the picture painting starts from, and of what goes
    where: they tell, when a run is repeated, whether all is as it was."""
    paintings = [sample.picture for sample in samples if isinstance(sample.picture, Image)]
    entries = [sample.picture for sample in samples if not isinstance(sample.picture, Image)]
    return {
        "content": _digest(content),
        "styles": [_digest(painting) for painting in paintings],
        "start": _digest(start),
        "named": [hashlib.sha256(entry.code.tobytes() + entry.colors.mean.tobytes()).hexdigest()[:16] for entry in entries],
        "places": _layout_digest(samples, guide),
        "codes": [hashlib.sha256(sample.code.tobytes()).hexdigest()[:16] for sample in samples if sample.code is not None],
    }


def changed(inputs: Mapping[str, Any], known: Mapping[str, Any] | None) -> str:
    """What to say of pictures and weights that are not what they were."""
    names = {"content": "the photo", "styles": "a painting", "start": "the picture it starts from", "named": "a style by name"}
    names |= {"places": "what goes where", "networks": "the weights of a network", "codes": "a fitted style code"}
    found = [name for key, name in names.items() if known and key in inputs and known.get(key, inputs[key]) != inputs[key]]
    return f"{' and '.join(found)} changed since then: the result will be another" if found else ""


def _digest(image: Image | None) -> str:
    return hashlib.sha256(repr(image.shape).encode() + image.pixels.tobytes()).hexdigest()[:16] if image else ""


def _layout_digest(samples: Sequence[Sample], guide: Guide | None) -> str:
    """What tells whether styles still go where they went; empty where they go everywhere, as they are."""
    if guide is None and all(sample.size == 1 and sample.strokes == "all" for sample in samples):
        return ""
    embedded = hashlib.sha256(b"" if guide is None else repr(guide.regions.shape).encode() + guide.regions.tobytes())
    for sample in samples:
        embedded.update(repr((sample.weight, sample.region, sample.size, sample.strokes)).encode())
        embedded.update(b"" if sample.part is None else sample.part.tobytes())
    return embedded.hexdigest()[:16]
