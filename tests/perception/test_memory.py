"""What PyTorch keeps for each size of picture stays bounded."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np, os, atelier
from pathlib import Path

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

rng, held = np.random.default_rng(0), []
for number in range(24):
    height, width = 64 + 8 * (number % 7), 72 + 8 * (number % 11)
    photo = rng.random((height, width, 3)).astype(np.float32)
    atelier.stylize(photo, photo[::-1], engine="optimize", iterations=1, coarse_iterations=0)
    held.append(resident())
print(held[7], held[-1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory a process has")
def test_photos_of_many_sizes_take_no_more_memory_than_a_few() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    early, late = map(float, done.stdout.split())
    assert late < early + 40, done.stdout
