"""All that ships, trained by one command: a package of pictures, two trainings at once, the files of the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PIL_Image

from atelier.engines.network.catalogue import read_styles
from atelier.errors import SourceError
from atelier.image import Image
from atelier.training.everything import commands, pack, train

SIZES = {
    "fine": 16, "wide": 16, "deep": 16, "half": 16, "blocks": 1, "deep-blocks": 1, "fine-blocks": 0, "rank": 2, "crop": 32, "batch": 2,
    "photo-crops": 6, "every": 2, "style-size": 48, "style-crops": 2, "painting-looks": 4, "reader-hidden": 8, "reader-code": 4,
    "precision": "float32", "threads": 1,
}  # fmt: skip
TINY = [part for name, value in SIZES.items() for part in (f"--{name}", str(value))]


@pytest.fixture
def sources(tmp_path: Path, picture: Callable[..., Image]) -> dict[str, Path]:
    out = {}
    for kind, names in (("photos", "abcd"), ("paintings", "efg"), ("styles", ("waves", "a_great_wave"))):
        out[kind] = tmp_path / "from" / kind
        out[kind].mkdir(parents=True)
        for seed, name in enumerate(names):
            PIL_Image.fromarray(np.round(picture(64, 48, seed).pixels * 255).astype(np.uint8)).save(out[kind] / f"{name}.png")
    return out


def test_a_package_keeps_its_limit(sources: dict[str, Path], tmp_path: Path) -> None:
    whole = pack(sources, tmp_path / "whole")
    assert whole == {"photos": 4, "paintings": 3, "styles": 2}
    assert {path.stem for path in (tmp_path / "whole" / "styles").iterdir()} == {"waves", "a_great_wave"}
    size = sum(path.stat().st_size for path in (tmp_path / "whole").rglob("*.jpg"))
    part = pack(sources, tmp_path / "part", limit=size - 1)
    assert part["styles"] == 2
    assert 0 < part["photos"] + part["paintings"] < 7
    assert sum(path.stat().st_size for path in (tmp_path / "part").rglob("*.jpg")) < size
    with pytest.raises(SourceError, match="styles"):
        pack(sources, tmp_path / "none", limit=100)


def test_one_command_trains_all_that_ships(sources: dict[str, Path], tmp_path: Path) -> None:
    pack(sources, tmp_path / "lessons")
    asked = commands(tmp_path / "lessons", tmp_path / "out", "cuda")
    assert "a_great_wave=0.61" in asked["named"]
    assert asked["any"][asked["any"].index("--hold-out") + 1] == "a_great_wave"
    assert "--batch" in asked["any"]
    made = train(tmp_path / "lessons", tmp_path / "out", seconds=60.0, device="cpu", more=[*TINY, "--steps", "3"])
    assert {path.name for path in made.iterdir()} == {"styles.onnx", "styles.safetensors", "painter.onnx", "reader.onnx"}
    assert {entry.name for entry in read_styles(made / "styles.safetensors")} == {"waves", "a_great_wave"}
