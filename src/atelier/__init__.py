"""atelier: photos into paintings and drawings.

    import atelier
    atelier.save(atelier.stylize("photo.jpg", "painting.jpg"), "out.png")

The names below are the whole public surface. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "AtelierError",
    "Cancelled",
    "Drawing",
    "Image",
    "Progress",
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

_HOMES = {
    "AtelierError": "atelier.errors", "Cancelled": "atelier.errors", "Image": "atelier.image", "Progress": "atelier.progress",
    "Drawing": "atelier.engines.primitives.drawing",
    **dict.fromkeys(
        (
            "compare", "draw", "draw_film", "explore", "load", "recolor", "reconstruct", "regions", "render", "save", "stylize",
            "stylize_film", "texture",
        ),
        "atelier.api",
    ),
}  # fmt: skip

if TYPE_CHECKING:
    from atelier.api import (
        compare,
        draw,
        draw_film,
        explore,
        load,
        recolor,
        reconstruct,
        regions,
        render,
        save,
        stylize,
        stylize_film,
        texture,
    )
    from atelier.engines.primitives.drawing import Drawing
    from atelier.errors import AtelierError, Cancelled
    from atelier.image import Image
    from atelier.progress import Progress


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'atelier' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
