"""Where painting is done: the device, and the memory between stages."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from functools import cache

import torch

from atelier.errors import SettingError


def choose_device(device: str) -> str:
    """`auto` to the fastest device there is; raises SettingError for one that is not there."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", device):
        raise SettingError("device", "choose from auto, cpu, cuda, cuda:1 (or another number), mps", device)
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingError("device", "PyTorch finds no CUDA device here; use cpu or auto", device)
    if device == "mps" and not torch.backends.mps.is_available():
        raise SettingError("device", "PyTorch finds no Apple GPU here; use cpu or auto", device)
    if device.startswith("cuda:") and int(device[5:]) >= (count := torch.cuda.device_count()):
        raise SettingError("device", f"PyTorch finds {count} CUDA device(s) here, counted from 0", device)
    return device


@cache
def _trim() -> Callable[[int], int] | None:
    """What makes the C library give memory back that it holds for later, where that library is GNU's."""
    try:
        trim = ctypes.CDLL(None).malloc_trim if sys.platform == "linux" else None
    except (OSError, AttributeError):  # linked into Python itself, or another library
        return None
    if trim:
        trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim


def give_back() -> None:
    """Between stages: what was read, or painted at another size, has left holes that what comes would not fit in."""
    if trim := _trim():
        trim(0)
