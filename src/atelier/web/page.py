"""The page as a folder of static files: markup and modules, the networks that ship, and ONNX Runtime for the browser.

What is vendored is listed in `runtime/VENDORED.md`. The .wasm files are kept compressed in the package, and written out whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import lzma
import secrets
import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import atelier
from atelier.engines.network.catalogue import models_folder
from atelier.engines.network.onnx_file import read_model
from atelier.engines.network.plan import Plan
from atelier.errors import TargetError, WeightsError
from atelier.media.files import check_place

MARK = "page.json"
"""The file by which a folder is known as one of these. The page reads in it what networks there are, and the runtime's files."""
PAINTERS = ("styles", "painter")
NETWORKS = (*PAINTERS, "reader")
RUNTIME: Mapping[str, Mapping[str, str]] = {
    kind: {
        "module": f"runtime/ort.{name}.min.mjs",
        "glue": f"runtime/ort-wasm-simd-threaded{middle}.mjs",
        "wasm": f"runtime/ort-wasm-simd-threaded{middle}.wasm",
    }
    for kind, name, middle in (("wasm", "wasm", ""), ("webgpu", "jspi", ".jspi"))
}
"""The runtime's files: those with WebGPU, for browsers in which WebAssembly can wait for promises, and those without."""
COMPRESSED = ".xz"
SHELL = (".html", ".css", ".js", ".mjs", ".json", ".webmanifest", ".svg", ".png")
"""What the page needs to be seen at all; the rest is fetched when it is wanted, and kept for when there is no network."""


def write_page(folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write the page. The folder appears whole or not at all; give its path.

    overwrite: whether a page that is there already is written anew. Raises TargetError for a folder with something else in it, or that
    cannot be; OutputError, WeightsError.
    """
    target = Path(folder)
    check_folder(target, overwrite)
    contents = dict(page_files())
    contents[MARK] = json.dumps(about_page(contents), indent=1).encode()
    contents["sw.js"] = with_list(contents["sw.js"], contents)
    with _whole(target) as beside:
        for name, data in contents.items():
            path = beside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return target


def check_folder(target: Path, overwrite: bool) -> None:
    """Raise TargetError where the page could not be written, or would take the place of something else."""
    if target.is_dir():
        ours = (target / MARK).is_file() and (target / "sw.js").is_file()
        if any(target.iterdir()) and not ours:
            raise TargetError(f"{target} holds something else: name a new folder")
        if ours and not overwrite:
            raise TargetError(f"{target} holds a page already: name a new folder, or allow overwriting")
    elif target.exists():
        raise TargetError(f"{target} is a file: name a folder")
    check_place(target.parent / f".{target.name}.html")


def page_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the page, by its path in the folder. Raises WeightsError."""
    own = files("atelier.web")
    yield from _all(own / "static")
    for name, data in _all(own / "runtime", "runtime/"):
        yield (name.removesuffix(COMPRESSED), lzma.decompress(data)) if name.endswith(COMPRESSED) else (name, data)
    yield from _all(files("atelier.viewer") / "three", "three/")
    for name in (*(f"{network}.onnx" for network in NETWORKS), "styles.safetensors"):
        path = models_folder() / name
        try:
            yield f"models/{name}", path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error


def about_page(contents: Mapping[str, bytes]) -> dict[str, Any]:
    """What the page has to know of its networks and its runtime. contents: its files by name. Raises WeightsError."""
    plans = {}
    for name in PAINTERS:
        plan = Plan.from_json(read_model(contents[f"models/{name}.onnx"]).metadata.get("atelier.plan", ""))
        plans[name] = {"reach": plan.reach, "noise": plan.noise, "channels": plan.channels}
    return {"version": atelier.__version__, "models": plans, "runtime": RUNTIME}


def with_list(worker: bytes, contents: Mapping[str, bytes]) -> bytes:
    """The service worker, told what files there are and what they are together called: another file is another name."""
    names = sorted(name for name in contents if name != "sw.js")
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode() + b"\0" + hashlib.sha256(contents[name]).digest())
    shell = [name for name in names if name.endswith(SHELL) and not name.startswith(("runtime/", "three/"))]
    rest = [name for name in names if name not in shell and not name.endswith((".md", ".txt", "LICENSE"))]
    told = {"NAME": f"atelier-{digest.hexdigest()[:16]}", "SHELL": ["./", *shell], "REST": rest, "RUNTIME": RUNTIME}
    lines = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in told.items())
    return lines.encode() + worker


def _all(folder: Traversable, below: str = "") -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _all(each, f"{below}{each.name}/")
        elif not each.name.startswith((".", "__")):
            yield f"{below}{each.name}", each.read_bytes()


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A folder to write in that takes the target's place when the block ends well, and of which nothing is left when it does not."""
    beside = target.with_name(f".{target.name}-{secrets.token_hex(4)}.part")
    before = target.with_name(f".{target.name}-{secrets.token_hex(4)}.before")
    try:
        beside.mkdir(parents=True)
        yield beside
        if target.exists():
            target.rename(before)
        try:
            beside.rename(target)
        except OSError:
            if before.exists():
                before.rename(target)
            raise
    except OSError as error:
        raise TargetError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if target.exists():
            shutil.rmtree(before, ignore_errors=True)
