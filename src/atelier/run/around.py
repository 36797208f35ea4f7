"""Whether a photo or film goes all around: said by its file, or guessed by its shape."""

from __future__ import annotations

import dataclasses

from atelier.image import Image
from atelier.image.metadata import SPHERICAL
from atelier.progress import Progress, Report
from atelier.request import Request

LEAST = 1024
"""Width, px, from which a picture twice as wide as high may be a panorama."""


def find_panorama(request: Request, photo: Image, spherical: bool, report: Report) -> Request:
    """The request, for a panorama where the file says that it is one. What has only the shape of one is said. spherical: what a film
    says."""
    apart = request.regions or request.masks or request.blend or request.style_regions or request.keep_flat
    named = any(style.region for style in request.styles)
    width, height = photo.size
    if request.panorama or request.task != "stylize" or request.content is None or apart or named or abs(width / height - 2) > 0.02:
        return request
    if spherical or SPHERICAL in photo.text:
        report(Progress("opening", note=f"{request.content} says that it is a panorama, and is painted as one"))
        return dataclasses.replace(request, panorama=True)
    if width == 2 * height and width >= LEAST:
        report(Progress("opening", note=f"{request.content} is twice as wide as high: if it goes all around, give `panorama`"))
    return request
