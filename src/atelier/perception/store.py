"""The networks there are, and where their weights lie on this machine.

`pocket` ships with the package. `vgg19` is pulled once into the user's cache (`pull`).
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from atelier.errors import WeightsError


@dataclass(frozen=True)
class Known:
    """A network atelier knows by name.

    widths: output channels of each of LAYERS, where a pulled file must have just these. url: a public safetensors file to
    pull from, None for networks that ship. download: how much that fetches, for people. digest: of its tensors, as
    `digest` computes it, where it is known.
    """

    name: str
    description: str
    licence: str
    widths: tuple[int, ...] | None = None
    url: str | None = None
    download: str = ""
    digest: str | None = None

    @property
    def shipped(self) -> bool:
        """Whether the weights come with the package."""
        return self.url is None


NETWORKS: dict[str, Known] = {
    network.name: network
    for network in (
        Known("pocket", "a small student of VGG-19, fast on any machine", "CC BY 4.0 (student of Oxford's VGG-19)"),
        Known(
            "vgg19",
            "VGG-19 as torchvision trained it, up to conv5_1",
            "BSD-3-Clause",
            widths=(64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512),
            url="https://huggingface.co/timm/vgg19.tv_in1k/resolve/main/model.safetensors",
            download="about 50 MB",
            # No digest yet: nobody has pulled and vouched for these tensors. Layer statistics of another training of
            # VGG-19 would not do in its place, so a first pull checks names, shapes and finiteness, and records a digest.
        ),
    )
}


@dataclass(frozen=True)
class Status:
    """A known network and where it is: path None and size 0 (bytes) where it has not been found."""

    name: str
    description: str
    licence: str
    shipped: bool
    path: Path | None
    size: int


def known() -> list[Status]:
    """List every known network, found or not."""
    statuses = []
    for network in NETWORKS.values():
        path = _search(network.name)
        size = path.stat().st_size if path else 0
        statuses.append(Status(network.name, network.description, network.licence, network.shipped, path, size))
    return statuses


def find(name_or_path: str | Path) -> Path:
    """Find the file that holds a network.

    A path (a `Path`, or text with a folder or a suffix in it) is taken as it is. A name is looked for in $ATELIER_WEIGHTS (a
    folder, a file called `<name>.safetensors`, or several of these separated as in $PATH), then among the models that ship,
    then in the user's cache.

    Raises WeightsError, which says what to do, where there is no such file.
    """
    if isinstance(name_or_path, Path) or Path(name_or_path).suffix or Path(name_or_path).name != name_or_path:
        path = _expanded(name_or_path)
        if path.is_file():
            return path
        raise WeightsError(f"no weights at {path}: give the path of a .safetensors file, or one of {', '.join(NETWORKS)}")
    name = name_or_path.strip()
    if path_of_name := _search(name):
        return path_of_name
    if name not in NETWORKS:
        raise WeightsError(f"no network called {name!r}: there are {', '.join(NETWORKS)}, or give the path of a .safetensors file")
    network = NETWORKS[name]
    way = "it comes with atelier, so reinstall that" if network.shipped else f"run `atelier weights pull {name}` ({network.download})"
    raise WeightsError(f"no weights for {name}: {way}, or point $ATELIER_WEIGHTS at a folder that holds {name}.safetensors")


def _search(name: str) -> Path | None:
    if not re.fullmatch(r"[\w-]+", name):
        return None
    entries = [_expanded(entry) for entry in os.environ.get("ATELIER_WEIGHTS", "").split(os.pathsep) if entry.strip()]
    for entry in (*entries, shipped_folder(), cache_folder()):
        path = entry if entry.is_file() else entry / f"{name}.safetensors"
        if path.name == f"{name}.safetensors" and path.is_file():
            return path
    return None


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # there is no such user, or no home
        return Path(path)


def shipped_folder() -> Path:
    """Give where the models that ship lie."""
    return Path(str(files("atelier"))) / "models"


def cache_folder() -> Path:
    """Give where pulled weights go: $XDG_CACHE_HOME/atelier/weights, or the system's own place for caches."""
    try:
        home = Path.home()
    except RuntimeError:  # a container's user may have none
        home = Path(tempfile.gettempdir())
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
        # The XDG specification has relative paths ignored.
        base = xdg if xdg.is_absolute() else home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "atelier" / "weights"
