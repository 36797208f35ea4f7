"""Sources and sinks of pixels: single pictures, animations and videos."""

from atelier.media.animation import ANIMATIONS, check_animation, write_animation
from atelier.media.files import atomic_file, atomic_write, check_place
from atelier.media.levels import Unstreamable
from atelier.media.naming import name_results
from atelier.media.stills import STANDARD, SUFFIXES, check_target, expand, open_still, to_standard_output, write_still
from atelier.media.stream import StreamSource, open_stream
from atelier.media.tiles import check_stream, write_stream
from atelier.media.video import VIDEOS, check_video, write_video

__all__ = [
    "ANIMATIONS",
    "STANDARD",
    "SUFFIXES",
    "VIDEOS",
    "StreamSource",
    "Unstreamable",
    "atomic_file",
    "atomic_write",
    "check_animation",
    "check_place",
    "check_stream",
    "check_target",
    "check_video",
    "expand",
    "name_results",
    "open_still",
    "open_stream",
    "to_standard_output",
    "write_animation",
    "write_still",
    "write_stream",
    "write_video",
]
