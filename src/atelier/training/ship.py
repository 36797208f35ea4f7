"""Make what ships out of trained networks: ONNX files, and the styles by name with their swatches.

    python -m atelier.training.ship --any runs/any --named runs/styles --paintings DIR --swatches DIR

--any, --named: folders of runs that hold network.safetensors (see docs/training.md): the body and reader for any painting, the
body and table for styles by name. --swatches: textures of the paintings by the names here, PNG or JPEG, made with
`atelier texture`; without them, those of the styles that ship are kept. Either run may be left out; what it would give stays as it is.
"""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PIL_Image
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from atelier.engines.network.catalogue import BODY, models_folder, shipped
from atelier.engines.network.plan import Plan
from atelier.image import Image
from atelier.image.moments import moments
from atelier.image.spaces import SPACES
from atelier.training.export.painter import painter_model
from atelier.training.export.reader import reader_model

PAINTINGS = {
    "gauguin_d1903_tahiti": ("three-tahitian-women", "Three Tahitian Women", "Paul Gauguin", "1896"),
    "hokusai_d1849_great_wave": ("great-wave", "The Great Wave off Kanagawa", "Katsushika Hokusai", "1831"),
    "matisse_d1954_woman_with_hat": ("woman-with-a-hat", "Woman with a Hat", "Henri Matisse", "1905"),
    "mondrian_d1944": ("composition-vii", "Tableau No. 2 / Composition No. VII", "Piet Mondrian", "1913"),
    "monet_d1926_landscape": ("cliffs-at-etretat", "The Cliffs at Étretat", "Claude Monet", "1885"),
    "munch_d1944_the_scream": ("the-scream", "The Scream", "Edvard Munch", "1893"),
    "picabia_d1953_edtaonisl": ("edtaonisl", "Edtaonisl", "Francis Picabia", "1913"),
    "picabia_d1953_udnie": ("udnie", "Udnie", "Francis Picabia", "1913"),
    "renoir_d1919_landscape": ("river-landscape", "Landscape with a River", "Pierre-Auguste Renoir", ""),
    "turner_d1851_shipwreck_minotaur": ("shipwreck-minotaur", "The Shipwreck of the Minotaur", "J. M. W. Turner", "1810"),
    "van_gogh_d1890_houses": ("houses-and-figure", "Houses and Figure", "Vincent van Gogh", "1890"),
    "van_gogh_d1890_night_cafe": ("night-cafe", "The Night Café", "Vincent van Gogh", "1888"),
    "van_gogh_d1890_olive_trees": ("olive-grove", "Olive Grove", "Vincent van Gogh", "1889"),
    "van_gogh_d1890_portrait": ("self-portrait", "Self-Portrait", "Vincent van Gogh", "1889"),
    "van_gogh_d1890_self_portrait": ("straw-hat", "Self-Portrait with a Straw Hat", "Vincent van Gogh", "1887"),
    "van_gogh_d1890_starry_night": ("starry-night", "The Starry Night", "Vincent van Gogh", "1889"),
}
"""File of a painting -> name, title, painter, year (empty where it is not certain)."""
SIDE = 512
"""Long side at which a painting's colours are measured, px: that at which styles are read."""


def run(folder: Path) -> tuple[dict[str, Any], dict[str, str], Plan]:
    """Tensors, metadata and plan of a run."""
    path = folder / "network.safetensors"
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    return load_file(path), metadata, Plan.from_json(metadata["plan"])


def part(tensors: dict[str, Any], name: str) -> dict[str, Any]:
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}


def credits(metadata: dict[str, str]) -> dict[str, str]:
    """What the ONNX files say of their making."""
    return {
        "atelier.body": BODY,
        "atelier.steps": metadata.get("steps", ""),
        "atelier.seed": metadata.get("seed", ""),
        "licence": "MIT; trained against pocket, a student of Oxford VGG-19 (CC BY 4.0)",
    }


def ship_any(folder: Path, into: Path) -> None:
    tensors, metadata, plan = run(folder)
    pocket = load_file(models_folder() / "pocket.safetensors")
    (into / "painter.onnx").write_bytes(painter_model(part(tensors, "painter"), plan, pocket, credits(metadata)))
    (into / "reader.onnx").write_bytes(reader_model(part(tensors, "reader"), pocket, credits(metadata)))


def ship_named(folder: Path, paintings: Path, swatches: Path | None, into: Path) -> None:
    tensors, metadata, plan = run(folder)
    pocket = load_file(models_folder() / "pocket.safetensors")
    (into / "styles.onnx").write_bytes(painter_model(part(tensors, "painter"), plan, pocket, credits(metadata)))
    table, stems = tensors["table.weight"], json.loads(metadata["styles"])
    out: dict[str, np.ndarray[Any, Any]] = {"photo.numbers": table[len(stems)].astype(np.float16)}
    about = {}
    for numbers, stem in zip(table, stems, strict=False):
        name, title, painter, year = PAINTINGS.get(stem, (stem, stem.replace("_", " "), "", ""))
        about[name] = {"title": title, "painter": painter, "year": year}
        with PIL_Image.open(next(paintings.glob(f"{stem}.*"))) as file:
            file.thumbnail((SIDE, SIDE), PIL_Image.Resampling.LANCZOS)
            colors = moments(Image.from_array(np.asarray(file.convert("RGB"))).pixels, SPACES["rgb"])
        out[f"{name}.numbers"] = numbers.astype(np.float16)
        out[f"{name}.colours"] = np.vstack([colors.mean[None], colors.covariance]).astype(np.float32)
        if swatch := swatch_of(swatches, name, stem):
            out[f"{name}.swatch"] = np.frombuffer(swatch, np.uint8)
    path = into / "styles.safetensors"
    save_file(out, path, {"body": BODY, "styles": json.dumps(about, ensure_ascii=False)})
    path.chmod(0o644)


def swatch_of(folder: Path | None, name: str, stem: str) -> bytes:
    """A style's swatch as JPEG: out of the folder, or that of the style of this name that ships; empty where there is none."""
    if folder is None:
        return shipped()[name].swatch if name in shipped() else b""
    found = [path for path in folder.iterdir() if path.stem in (name, stem)]
    if not found:
        return b""
    buffer = io.BytesIO()
    with PIL_Image.open(found[0]) as file:
        file.convert("RGB").save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--any", type=Path, help="run of the networks for any painting")
    parser.add_argument("--named", type=Path, help="run of the network for styles by name")
    parser.add_argument("--paintings", type=Path)
    parser.add_argument("--swatches", type=Path)
    parser.add_argument("--into", type=Path, default=models_folder())
    given = parser.parse_args()
    if given.any:
        ship_any(given.any, given.into)
    if given.named:
        ship_named(given.named, given.paintings, given.swatches, given.into)


if __name__ == "__main__":
    main()
