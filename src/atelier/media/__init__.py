"""Sources and sinks of pixels: single pictures and animations."""

from atelier.media.animation import check_animation, write_animation
from atelier.media.files import atomic_write, check_place
from atelier.media.stills import SUFFIXES, check_target, expand, open_still, write_still

__all__ = [
    "SUFFIXES",
    "atomic_write",
    "check_animation",
    "check_place",
    "check_target",
    "expand",
    "open_still",
    "write_animation",
    "write_still",
]
