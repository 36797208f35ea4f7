"""The small network in NumPy, against torch's."""

from __future__ import annotations

import numpy as np
import pytest

from atelier.errors import SettingError
from atelier.perception.plain import see
from atelier.perception.weights import load

LAYERS = ("conv1_1", "conv3_2", "conv4_1", "conv5_1")


@pytest.mark.parametrize("size", [(16, 16), (37, 50)])
def test_it_sees_what_torch_sees(size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    from atelier.perception.network import Network

    pixels = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    found = see(load("pocket"), pixels, LAYERS)
    with torch.no_grad():
        wanted = Network.load("pocket", dtype=torch.float32).see(torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()), LAYERS)
    assert set(found) == set(LAYERS)
    for layer in LAYERS:
        plane = wanted[layer][0].numpy().transpose(1, 2, 0)
        np.testing.assert_allclose(found[layer], plane, atol=1e-4 * plane.max())


def test_what_it_refuses() -> None:
    pixels = np.zeros((15, 40, 3), np.float32)
    assert see(load("pocket"), pixels, ()) == {}
    with pytest.raises(SettingError, match="conv5_1 needs a picture of at least 16 px a side, not 40x15"):
        see(load("pocket"), pixels, ("conv5_1",))
    with pytest.raises(SettingError, match="no layer conv9_1"):
        see(load("pocket"), pixels, ("conv9_1",))
