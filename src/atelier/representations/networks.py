"""Small networks that hold shapes: one fitted to a shape's signed distances, and autoencoders of its parts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from atelier.image.value import Pixels
from atelier.progress import Progress, Report, silent
from atelier.solid.model import Floats

WAVES = 30.0
"""Frequency of the first layer's sines (Sitzmann et al. 2020, "Implicit neural representations with periodic activation functions")."""


class Implicit(nn.Module):
    """A place in [-1, 1]³ to its signed distance, by three layers of sines, `width` wide."""

    def __init__(self, width: int, seed: int = 0) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)
        sizes = [3, width, width, width, 1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        for at, layer in enumerate(self.layers):
            bound = 1 / 3 if at == 0 else (6 / width) ** 0.5 / WAVES
            for each in layer.parameters():
                nn.init.uniform_(each, -bound, bound, generator=random)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.sin(WAVES * layer(x))
        found: Tensor = self.layers[-1](x)[:, 0]
        return found


def fit_implicit(width: int, at: Floats, values: Floats, steps: int, report: Report = silent, batch: int = 4096, seed: int = 0) -> Implicit:
    """A network fitted to values (n,) at places (n, 3)."""
    network, random = Implicit(width, seed), np.random.default_rng(seed)
    solver = torch.optim.Adam(network.parameters(), 1e-3)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(solver, steps, 1e-5)
    x, y = torch.from_numpy(at.astype(np.float32)), torch.from_numpy(values.astype(np.float32))
    for step in range(steps):
        chosen = torch.from_numpy(random.integers(0, len(x), batch))
        loss = (network(x[chosen]) - y[chosen]).abs().mean()
        solver.zero_grad()
        loss.backward()
        solver.step()
        slower.step()
        if step % 50 == 49:
            report(Progress("training", step + 1, steps, {"distance": float(loss.detach())}, subject="implicit network"))
    return network


def vector_of(network: nn.Module) -> NDArray[np.float16]:
    """All numbers of a network, at half precision."""
    return np.concatenate([each.detach().numpy().reshape(-1) for each in network.parameters()]).astype(np.float16)


def filled(network: nn.Module, vector: NDArray[np.float16]) -> nn.Module:
    """The network with these numbers."""
    first = 0
    with torch.no_grad():
        for each in network.parameters():
            each.copy_(torch.from_numpy(vector[first : first + each.numel()].astype(np.float32)).view(each.shape))
            first += each.numel()
    return network


def asked(network: nn.Module, at: Floats, many: int = 1 << 16) -> Floats:
    """What a network says of places (n, 3)."""
    with torch.no_grad():
        return np.concatenate(
            [network(torch.from_numpy(part.astype(np.float32))).numpy() for part in np.array_split(at, len(at) // many + 1)]
        )


# Autoencoders ------------------------------------------------------------------------------------------------------------

CODE = 12
"""Numbers, of a byte each, that a part of a shape is held in."""
HIDDEN = 256


class Autoencoder(nn.Module):
    """Parts of a shape (b, n) to codes (b, CODE) in [-1, 1] and back."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.encoder = nn.Sequential(
            nn.Linear(size, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, CODE), nn.Tanh()
        )
        self.decoder = nn.Sequential(nn.Linear(CODE, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, size))

    def code(self, parts: Tensor) -> Tensor:
        found: Tensor = self.encoder(parts)
        return found

    def loss(self, parts: Tensor, found: Tensor) -> Tensor:
        """What is to be small: how far apart numbers are."""
        return (found - parts).abs().mean()

    def forward(self, parts: Tensor) -> Tensor:
        code = self.code(parts)
        code = code + (torch.round(code * 127) / 127 - code).detach()  # what rounding takes is felt, and let through
        found: Tensor = self.decoder(code)
        return found


class PointAutoencoder(Autoencoder):
    """Points with normals, (b, n, 6), each by itself, of which the greatest numbers are kept (PointNet, Qi et al. 2017)."""

    def __init__(self, count: int) -> None:
        super().__init__(6 * count)
        self.count = count
        self.each = nn.Sequential(nn.Linear(6, 64), nn.GELU(), nn.Linear(64, HIDDEN))
        self.encoder = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, CODE), nn.Tanh())

    def code(self, parts: Tensor) -> Tensor:
        found: Tensor = self.encoder(self.each(parts.view(len(parts), self.count, 6)).amax(1))
        return found

    def loss(self, parts: Tensor, found: Tensor) -> Tensor:
        """Chamfer distance of the points, and of each found one the normal of the nearest."""
        one, other = parts.view(-1, self.count, 6), found.view(-1, self.count, 6)
        apart = torch.cdist(one[..., :3], other[..., :3])
        nearest = apart.min(1)
        normal = one[..., 3:].gather(1, nearest.indices[..., None].expand(-1, -1, 3))
        return apart.min(2).values.mean() + nearest.values.mean() + 0.3 * (other[..., 3:] - normal).abs().mean()


def train(network: Autoencoder, parts: Pixels, steps: int, report: Report = silent, batch: int = 128, seed: int = 0) -> None:
    """Fit an autoencoder to parts (n, size)."""
    random = np.random.default_rng(seed)
    solver = torch.optim.Adam(network.parameters(), 2e-3)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(solver, steps, 1e-5)
    every = torch.from_numpy(np.ascontiguousarray(parts, np.float32))
    for step in range(steps):
        own = every[torch.from_numpy(random.integers(0, len(every), batch))]
        loss = network.loss(own, network(own))
        solver.zero_grad()
        loss.backward()
        solver.step()
        slower.step()
        if step % 50 == 49:
            report(Progress("training", step + 1, steps, {"loss": float(loss.detach())}, subject=type(network).__name__))


def codes_of(network: Autoencoder, parts: Pixels) -> NDArray[np.int8]:
    """Codes (n, CODE) of parts (n, size)."""
    with torch.no_grad():
        found: NDArray[Any] = torch.round(network.code(torch.from_numpy(np.ascontiguousarray(parts, np.float32))) * 127).numpy()
    return found.astype(np.int8)


def parts_of(network: Autoencoder, codes: NDArray[np.int8]) -> Pixels:
    """Parts (n, size) of codes (n, CODE)."""
    with torch.no_grad():
        found: Pixels = network.decoder(torch.from_numpy(codes.astype(np.float32) / 127)).numpy()
    return found


def size_of(network: nn.Module) -> int:
    """Bytes of what decodes, at half precision."""
    decoder = network.decoder if isinstance(network, Autoencoder) else network
    return 2 * sum(each.numel() for each in decoder.parameters())


def seeded(seed: int) -> None:
    """Let networks that are made now begin with the numbers of this seed."""
    torch.manual_seed(seed)
