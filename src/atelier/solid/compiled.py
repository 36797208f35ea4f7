"""Functions compiled by Numba and kept for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Compile without the interpreter's lock, and cache beside the source or in the user's cache; anew in each run where neither may
    be written."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "no locator available": there is no place for a cache
        return njit(nogil=True)(function)
