"""Every engine paints what it painted before, with networks that never change. A commit that moves or renames moves no picture.

Where one is meant to move: `python tests/golden/paint.py`, and say in the commit which and why.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from paint import EXPECTED, frozen

import atelier

MOST, MEAN = 1e-3, 1e-4
"""How far a pixel may be off, and all of them on average, of the range 0..1: a quarter of one of 255 levels. Processors, numbers of threads
and versions of the runtimes add up in another order: kernels for SSE in place of AVX moved no pixel by more than 1.6e-5, one step of
the files' 16 bits."""
SHARE = 0.01
"""Of what is chosen, not computed (which shape is drawn, which pixel is whose), so many pixels may be off by more: rounding can
tip a choice."""
CHOSEN = ("draw", "regions")


@pytest.fixture(scope="module", autouse=True)
def networks() -> Iterator[None]:
    with frozen():
        yield


@pytest.mark.parametrize("name", CASES)
def test_a_picture_stays(name: str) -> None:
    painted, expected = CASES[name]().pixels, atelier.load(EXPECTED / f"{name}.png").pixels
    assert painted.shape == expected.shape
    off = np.abs(painted - expected).max(axis=2)
    if name.startswith(CHOSEN):
        assert (off > MOST).mean() <= SHARE, f"{(off > MOST).mean():.1%} of the pixels moved"
    else:
        assert off.max() <= MOST and off.mean() <= MEAN, f"moved by {off.max():.5f} at the most, {off.mean():.5f} on average"


def test_there_is_a_picture_for_every_case_and_no_other() -> None:
    assert {path.stem for path in Path(EXPECTED).glob("*.png")} == set(CASES)


def test_no_two_cases_are_one_picture() -> None:
    seen: dict[bytes, str] = {}
    for name in CASES:
        pixels = atelier.load(EXPECTED / f"{name}.png").pixels.tobytes()
        assert pixels not in seen, f"{name} is {seen[pixels]}: what it varies does nothing"
        seen[pixels] = name
