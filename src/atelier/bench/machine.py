"""The machine that a measurement is of."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib import metadata as packages
from pathlib import Path
from typing import Any

from atelier.engines.network.backends import cores

PACKAGES = ("torch", "onnxruntime", "openvino", "numpy")


def machine() -> dict[str, Any]:
    """Describe the machine, importing nothing heavy.

    cores: those that may be used. Versions are None for what is not installed. load: mean number of running processes in the last
    minute, before the measurement.
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = memory_bytes()
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(), "cores": cores(),
        "memory_gib": round(memory / 2**30, 1) if memory else None, "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), **{name: version(name) for name in ("atelier", *PACKAGES)},
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }  # fmt: skip


def processor(device: str) -> str:
    """Name what the optimiser runs on where it is told `device`: cpu, mps, or a GPU's own name."""
    import torch

    from atelier.engines.optimize.device import choose_device

    found = choose_device(device)
    return torch.cuda.get_device_name(found) if found.startswith("cuda") else found


def memory_bytes() -> int | None:
    """Find the memory that this process may use, the machine's or a container's share; None where the system does not tell."""
    found: int | None = None
    with suppress(ValueError, OSError, AttributeError):
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        share = int(Path("/sys/fs/cgroup/memory.max").read_text())  # "max" is no number
        found = min(found, share) if found else share
    return found


def version(package: str) -> str | None:
    try:
        return packages.version(package)
    except packages.PackageNotFoundError:
        return None
