"""The nodes. What is here is all that ComfyUI sees; atelier itself runs beside it, by its command line or its service.

PyTorch, NumPy and Pillow are ComfyUI's own, whatever their versions.
"""

from __future__ import annotations

import asyncio
import io as files
from typing import Any

from comfy_api.latest import ComfyExtension, io

from . import bridge

LARGEST = 8192


class PaintByName(io.ComfyNode):
    """A photo in a style that ships."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        names = bridge.style_names()
        return io.Schema(
            node_id="AtelierPaintByName",
            display_name="Paint in a style (atelier)",
            category="image/atelier",
            description="Paints images in the manner of a painting that atelier knows by name.",
            inputs=[
                io.Image.Input("image"),
                io.Combo.Input("style", options=names, default=names[0]),
                *common_inputs(),
            ],
            outputs=[io.Image.Output(display_name="painted")],
        )

    @classmethod
    async def execute(cls, image: Any, style: str, **options: Any) -> io.NodeOutput:
        return io.NodeOutput(await painted(image, style, options))


class PaintLike(io.ComfyNode):
    """A photo like any painting."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AtelierPaintLike",
            display_name="Paint like a painting (atelier)",
            category="image/atelier",
            description="Paints images in the manner of any painting. Of several paintings all are blended, alike.",
            inputs=[
                io.Image.Input("image"),
                io.Image.Input("painting"),
                io.Combo.Input(
                    "engine", options=["instant", "optimize"], default="instant", tooltip="seconds, or minutes and the better picture"
                ),
                *common_inputs(),
            ],
            outputs=[io.Image.Output(display_name="painted")],
        )

    @classmethod
    async def execute(cls, image: Any, painting: Any, engine: str = "instant", **options: Any) -> io.NodeOutput:
        if engine == "optimize":
            options = {name: value for name, value in options.items() if name not in ("strength",)}
        return io.NodeOutput(await painted(image, [encoded(each) for each in painting], {**options, "engine": engine}))


def common_inputs() -> list[Any]:
    """What both nodes take. Sizes of 0 are the image's own."""
    return [
        io.Float.Input(
            "strength", default=1.0, min=0.0, max=1.0, step=0.05, display_mode=io.NumberDisplay.slider, tooltip="0 is the photo"
        ),
        io.Float.Input("style_size", default=1.0, min=0.25, max=4.0, step=0.05, tooltip="2: strokes twice as large"),
        io.Combo.Input("color", options=["style", "photo", "match", "gray"], default="style"),
        io.Int.Input("size", default=0, min=0, max=LARGEST, tooltip="long side, px; 0: as it is"),
        io.Int.Input("seed", default=0, min=0, max=2**63 - 1),
        io.String.Input("service", default="", tooltip="address of `atelier serve`; empty: the command line here"),
    ]


async def painted(images: Any, styles: str | list[bytes], options: dict[str, Any]) -> Any:
    """Paint a batch (B, H, W, C) in [0, 1], one image after the other, without keeping ComfyUI from its other work."""
    import torch

    service = options.pop("service", "")
    given = {name: value for name, value in options.items() if (name, value) not in UNSAID}
    wanted = [styles] if isinstance(styles, str) else styles
    found = []
    for image in images:
        try:
            data = await asyncio.to_thread(bridge.paint, encoded(image), wanted, given, service=service, stopped=interrupted)
        except bridge.Stopped:
            stop()
            raise
        except bridge.Failed as error:
            raise RuntimeError(f"atelier: {error}") from error
        found.append(torch.from_numpy(decoded(data)))
    return torch.stack(found)


UNSAID = (("size", 0), ("strength", 1.0), ("style_size", 1.0), ("color", "style"), ("seed", 0))
"""What need not be said."""


def encoded(image: Any) -> bytes:
    """An image (H, W, C) as a PNG's bytes."""
    import numpy as np
    from PIL import Image

    values = image.detach().cpu().float().numpy()
    data = files.BytesIO()
    Image.fromarray((values[..., :3].clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(data, "png")
    return data.getvalue()


def decoded(data: bytes) -> Any:
    """A PNG's bytes as an array (H, W, 3) in [0, 1]."""
    import numpy as np
    from PIL import Image

    with Image.open(files.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"), np.float32) / np.float32(255)


def interrupted() -> bool:
    """Whether the user has pressed Cancel."""
    try:
        from comfy.model_management import processing_interrupted
    except ImportError:
        return False
    return bool(processing_interrupted())


def stop() -> None:
    """End the run as ComfyUI does: with its own exception."""
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted
    except ImportError:
        return
    throw_exception_if_processing_interrupted()


class AtelierExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [PaintByName, PaintLike]


async def comfy_entrypoint() -> AtelierExtension:
    """What ComfyUI calls to load the pack."""
    return AtelierExtension()
