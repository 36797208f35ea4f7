"""The Python face: pictures in, picture out. `atelier.stylize(photo, painting) -> Image`."""

from atelier.api.exploring import compare, explore
from atelier.api.filming import draw_film, stylize_film
from atelier.api.given import Painting, Picture
from atelier.api.painting import draw, load, recolor, reconstruct, regions, render, save, stylize, texture

__all__ = [
    "Painting",
    "Picture",
    "compare",
    "draw",
    "draw_film",
    "explore",
    "load",
    "recolor",
    "reconstruct",
    "regions",
    "render",
    "save",
    "stylize",
    "stylize_film",
    "texture",
]
