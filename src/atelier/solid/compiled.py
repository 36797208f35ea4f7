"""Functions compiled by Numba and kept for the next run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call, without the interpreter's lock, and cache beside the source or in the user's cache; anew in each run
    where neither may be written. Numba is imported then, since it takes as long as painting: most runs have no mesh.

    Such a function cannot be called by another compiled one.
    """

    @functools.cache
    def made() -> Any:
        from numba import njit

        try:
            return njit(cache=True, nogil=True)(function)
        except RuntimeError:  # "no locator available": there is no place for a cache
            return njit(nogil=True)(function)

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return made()(*arguments)

    return call
