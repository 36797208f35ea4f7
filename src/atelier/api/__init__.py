"""The Python face: pictures in, picture out. `atelier.stylize(photo, painting) -> Image`."""

from atelier.api.exploring import compare, explore
from atelier.api.given import Painting, Picture
from atelier.api.painting import draw, load, recolor, reconstruct, regions, render, save, stylize, texture

__all__ = [
    "Painting",
    "Picture",
    "compare",
    "draw",
    "explore",
    "load",
    "recolor",
    "reconstruct",
    "regions",
    "render",
    "save",
    "stylize",
    "texture",
]
