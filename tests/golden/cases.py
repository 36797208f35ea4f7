"""What is painted: each case a small picture by one way through the house, by the public names alone."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import atelier
from atelier.cli import main
from atelier.image import Image

HERE = Path(__file__).parent
PHOTO, PAINTING, OTHER, REGIONS, MASK, DISC, REST = (
    str(HERE / "inputs" / f"{name}.png") for name in ("photo", "painting", "other", "regions", "mask", "disc", "rest")
)
EYE, OTHER_EYE = (str(HERE / "networks" / f"{name}.safetensors") for name in ("eye", "other-eye"))
NETWORK: dict[str, Any] = {"backend": "onnxruntime"}
STEPS: dict[str, Any] = {"features": EYE, "precision": "float32", "warm_features": "", "iterations": 4, "coarse_iterations": 0}
DRAWN: dict[str, Any] = {"count": 4, "work_size": 48, "climbs": 2, "tries": 40, "age": 30, "smallest": 3, "largest": 20}

Case = Callable[[], Image]
CASES: dict[str, Case] = {}
"""Name of a case -> what paints it. The name says the engine first."""


def case(name: str) -> Callable[[Case], Case]:
    def add(paint: Case) -> Case:
        CASES[name] = paint
        return paint

    return add


def network(name: str, style: Any, photo: str = PHOTO, **given: Any) -> None:
    CASES[f"network-{name}"] = lambda: atelier.stylize(photo, style, **NETWORK, **given)


def optimize(name: str, style: Any, photo: str = PHOTO, **given: Any) -> None:
    CASES[f"optimize-{name}"] = lambda: atelier.stylize(photo, style, **{"engine": "optimize", **STEPS, **given})


def drawn(name: str, **given: Any) -> None:
    CASES[f"draw-{name}"] = lambda: atelier.render(atelier.draw(PHOTO, **{**DRAWN, **given}))


def recolored(method: str, space: str = "") -> None:
    def paint() -> Image:
        with tempfile.TemporaryDirectory() as folder:
            target = str(Path(folder) / "out.png")
            words = ["recolor", PHOTO, "--like", PAINTING, "-o", target, "-q", "--method", method, "--depth", "16"]
            with contextlib.suppress(SystemExit):
                main([*words, "--space", space] if space else words)
            return atelier.load(target)

    CASES[f"recolor-{method}"] = paint


network("named", "waves")
network("named-weak", "waves", strength=0.4)
network("named-mixed", [("waves", 0.7), ("dots", 0.3)], seed=3)
network("named-and-painting", [("waves", 0.5), (PAINTING, 0.5)])
network("named-windows", "dots", size=56, tile=16)
network("any", PAINTING)
network("any-weak", PAINTING, strength=0.2)
network("any-mixed", [(PAINTING, 0.6), (OTHER, 0.4)], size=44)
network("any-large-strokes", PAINTING, style_size=1.5)
network("any-windows", OTHER, size=56, tile=16)
network("any-own-colors", PAINTING, color="photo")
network("any-matched-colors", PAINTING, color="match", color_space="oklab")
network("regions", {"#ff0000": "waves", "#0000ff": (PAINTING, {"size": 1.5})}, regions=REGIONS, feather=4)
network("masks", [PAINTING, OTHER], masks=[DISC, REST])
network("blend", ["waves", "dots"], blend="horizontal")
network("blend-any", [PAINTING, OTHER], blend=MASK)

optimize("default", PAINTING, recipe="default", smallest=16, coarse_iterations=3)
optimize("warm", PAINTING, warm_features=OTHER_EYE, warm_iterations=2, iterations=2)
optimize("brush", PAINTING, recipe="brush")
optimize("gatys", PAINTING, recipe="gatys", size=32, seed=5)
optimize("inetwork", PAINTING, recipe="inetwork")
optimize("quality", PAINTING, recipe="quality", smallest=24, coarse_iterations=3, tolerance=0.0)
optimize("sgd", PAINTING, optimizer="sgd", rate=0.5, style_loss="moments", tv_weight=0.1, pooling="l2")
optimize("wasserstein", PAINTING, style_loss="wasserstein", histogram_weight=0.2, style_fit="own")
optimize("mixed", [(PAINTING, 0.7), (OTHER, {"weight": 0.3, "rotate": 30, "strokes": "coarse"})])
optimize("tiles", PAINTING, size=56, tile=32, iterations=2)
optimize("own-colors", PAINTING, color="photo")
optimize("regions", {"#ff0000": PAINTING, "#0000ff": (OTHER, {"size": 1.5})}, regions=REGIONS, feather=4)
optimize("brush-regions", {"#ff0000": PAINTING, "#0000ff": OTHER}, regions=REGIONS, recipe="brush", iterations=2)
optimize("blend", [PAINTING, OTHER], blend=MASK)


@case("optimize-texture")
def texture() -> Image:
    return atelier.texture(PAINTING, width=36, height=28, seed=2, **STEPS)


@case("optimize-reconstruct")
def reconstruct() -> Image:
    return atelier.reconstruct(PHOTO, "conv2_1", seed=2, **{**STEPS, "tv_weight": 0.05})


drawn("triangles")
drawn("many-shapes", shape="ellipse,rotated-rectangle,polygon", alpha=0.0, seed=1)
drawn("strokes", shape="stroke,line", background="#ffffff", search="anneal")
drawn("palette", shape="circle", palette=PAINTING, palette_size=4, density=MASK)
drawn("layers", method="layers", count=12)

recolored("transport")
recolored("luminance-matched")
recolored("histogram", "oklab")


@case("regions-found")
def regions_found() -> Image:
    found = atelier.regions(PHOTO, "auto:3")
    levels = np.asarray(found.labels, np.float32) / 4
    return Image(np.repeat(levels[..., None], 3, axis=2))
