"""The engine for networks from elsewhere: any ONNX model that makes a picture of a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from atelier.engines.engine import Frame
from atelier.engines.network.contract import Contract, round_up
from atelier.engines.network.inspection import read_contract
from atelier.engines.network.runner import Runner, open_model
from atelier.engines.network.windows import reflected
from atelier.errors import WeightsError
from atelier.image import Image, fit, resize
from atelier.progress import Progress, Report, silent
from atelier.request import InstantSettings

LARGEST = 2048
"""Long side, px, above which a photo is painted smaller and its picture enlarged, unless the caller says otherwise: what nets
need at their widest grows to gigabytes there."""


class ForeignEngine:
    """Built once from a model and its contract, then called per frame. largest: as LARGEST; 0 for no limit."""

    def __init__(self, runner: Runner, contract: Contract, *, largest: int = LARGEST) -> None:
        self.runner, self.contract, self.largest = runner, contract, largest

    @property
    def about(self) -> dict[str, str]:
        """What runs the network."""
        self.runner.settle()
        return {"body": self.runner.label, "backend": self.runner.backend, "device": self.runner.device}

    def __call__(self, content: Frame, report: Report = silent) -> Frame:
        """Paint. The result has the frame's size and, as it is, its alpha.

        Raises WeightsError where the model fails or gives NaN; AtelierError where there is not enough memory.
        """
        report(Progress("painting", 0, 1, note=self.word(content.size)))
        pixels = np.asarray(resize(Image(content.pixels), self.size_of(content.size)).pixels)
        height, width = pixels.shape[:2]
        if self.contract.size is None:
            rows, columns = (reflected(0, round_up(n, self.contract.multiple), n) for n in (height, width))
            pixels = pixels[rows][:, columns]
        painted = self.contract.out_of(self.contract.run(self.runner, self.contract.into(pixels)))
        if not np.isfinite(painted).all():
            raise WeightsError(f"{self.runner.label} gives no numbers (NaN): perhaps it wants other values; see `model_range`")
        picture = resize(Image(painted.clip(0, 1)), pixels.shape[1::-1])  # nets that enlarge, or lose their borders
        picture = resize(Image(picture.pixels[:height, :width]), content.size)
        report(Progress("painting", 1, 1))
        return replace(content, pixels=picture.pixels)

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) that a photo is painted at."""
        if self.contract.size:
            return self.contract.size
        return fit(size, self.largest) if 0 < self.largest < max(size) else size

    def word(self, size: tuple[int, int]) -> str:
        """What the user should know about the size."""
        at = self.size_of(size)
        if at == size:
            return ""
        why = "paints at that size alone" if self.contract.size else "needs much memory"
        return f"painted at {at[0]} × {at[1]} and brought to {size[0]} × {size[1]}: {self.runner.label} {why}"


def open_foreign(settings: InstantSettings, device: str = "auto", *, report: Report = silent) -> ForeignEngine:
    """The engine that the settings ask for (`model` and all that begin with it, `backend`). Raises as `open_model` and
    `read_contract` do."""
    runner = open_model(Path(settings.model).expanduser(), device=device, backend=settings.backend)
    contract = read_contract(
        runner,
        layout=settings.model_layout,
        order=settings.model_order,
        values=settings.model_range,
        multiple=settings.model_multiple,
        output=settings.model_output,
        further=settings.model_inputs,
        report=report,
    )
    return ForeignEngine(runner, contract)
