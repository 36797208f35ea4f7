"""A photo too narrow for the optimiser's layers: the size that is advised is enough."""

from __future__ import annotations

import re

import numpy as np
import pytest

import atelier
from atelier.errors import SettingError
from atelier.image import Image, fit

pytest.importorskip("torch")
PAINTING = Image(np.random.default_rng(0).random((40, 40, 3), dtype=np.float32))


@pytest.mark.parametrize(("width", "height"), [(1, 300), (300, 1), (2, 500), (7, 900)])
@pytest.mark.parametrize("size", [64, 128, 1000])
def test_the_size_that_is_advised_is_enough(width: int, height: int, size: int) -> None:
    photo = Image(np.full((height, width, 3), 0.5, np.float32))
    with pytest.raises(SettingError, match="needs a picture of at least") as error:
        atelier.stylize(photo, PAINTING, engine="optimize", size=size)
    needed = re.search(r"at least (\d+) px", str(error.value))
    advised = re.search(r"`size` (\d+) or more", str(error.value))
    assert needed
    assert advised
    assert min(fit(photo.size, int(advised[1]))) >= int(needed[1])
