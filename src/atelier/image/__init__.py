"""Pixels as values: decode, encode, resize. Knows bytes, not files."""

from atelier.image.decode import decode
from atelier.image.encode import FORMATS, encode, format_name
from atelier.image.limits import Limits
from atelier.image.resize import fit, resize
from atelier.image.value import Image

__all__ = ["FORMATS", "Image", "Limits", "decode", "encode", "fit", "format_name", "resize"]
