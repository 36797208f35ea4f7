"""The nearest neighbours of cells among others, and what they are where cells like to go on as their neighbours do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**24
"""Similarities that are held at once: 64 MiB."""
COHERENCE = 0.1
"""Cosine distance that a cell puts up with for each neighbour that it then continues."""
ROUNDS = 12
"""Times that all cells look at what their neighbours have."""

AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Neighbours of a cell as (rows, columns); each one's opposite is at index ^ 1."""


def nearest(queries: Tensor, keys: Tensor, weights: Tensor | None = None, kinds: Tensor | None = None, block: int = BLOCK) -> Tensor:
    """For each query the index of the key with the least (1 - cosine) / weight: (Q, D), (K, D) -> (Q,).

    Rows of queries and keys are of length one, or zero. weights (E, Q): what the weight of each kind of keys is for each query; kinds
    (K,) of which kind they are; None for the same everywhere. block: similarities that are held at once. Of keys that are equally
    near, the first. The products are float32: these are compared, not summed, and bfloat16 cannot tell near ones apart.
    """
    found = torch.empty(len(queries), dtype=torch.long, device=queries.device)
    rows = max(1, block // len(keys) // (1 if weights is None else 2))  # weights are as many again
    for start in range(0, len(queries), rows):
        alike = queries[start : start + rows] @ keys.T
        if weights is not None and kinds is not None:
            alike = alike.sub_(1.0).div_(weights[:, start : start + rows].T[:, kinds])
        found[start : start + rows] = alike.argmax(1)
    return found


def steps(grids: Sequence[Tensor]) -> Tensor:
    """Where one comes to from each key: grids (rows, columns) bool, whose true cells are keys, counted through row by row -> (4, K) long.

    Entry [d, k] is the key beside k in direction AROUND[d], and -1 where there is none.
    """
    parts, first = [], 0
    for there in grids:
        rows, columns = there.shape
        own = torch.full((rows, columns), -1, device=there.device)
        own[there] = torch.arange(first, first + int(there.sum()), device=there.device)
        framed = F.pad(own[None, None], (1, 1, 1, 1), value=-1)[0, 0]
        parts.append(torch.stack([framed[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns][there] for dy, dx in AROUND]))
        first += parts[-1].shape[1]
    return torch.cat(parts, 1)


def coherent(
    found: Tensor, queries: Tensor, keys: Tensor, beside: Tensor, weights: Tensor | None = None, kinds: Tensor | None = None,
    pull: float = COHERENCE, rounds: int = ROUNDS,
) -> Tensor:  # fmt: skip
    """A match that likes to go on as its neighbours do: found (H, W) -> (H, W), both -1 where nothing is looked for.

    Lowers Σ over cells of distance - pull · (neighbours that are continued), where a cell may keep what it has or take
    what continues one of its four neighbours. Black and white cells of a chessboard take turns, `rounds` times (iterated conditional
    modes, Besag 1986): the sum never rises. queries (n, D): of the cells that have any, row by row. keys (K, D), beside from
    `steps`, weights and kinds as for `nearest`.
    """
    height, width = found.shape
    found = found.clone()
    there = found.flatten() >= 0
    query = there.cumsum(0) - 1
    color = ((torch.arange(height)[:, None] + torch.arange(width)) % 2).flatten().to(found.device)
    turns = [((color == side) & there).nonzero()[:, 0] for side in (0, 1)]
    for _ in range(rounds):
        for cells in turns:
            framed = F.pad(found[None, None], (1, 1, 1, 1), value=-1)[0, 0]
            options = [found.flatten()[cells]]
            for d, (dy, dx) in enumerate(AROUND):
                theirs = framed[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width].flatten()[cells]
                options.append(torch.where(theirs < 0, -1, beside[d ^ 1][theirs.clamp_min(0)]))
            asked = queries[query[cells]]
            costs = []
            for option in options:
                distance = 1.0 - (asked * keys[option.clamp_min(0)]).sum(1)
                if weights is not None and kinds is not None:
                    distance = distance / weights[kinds[option.clamp_min(0)], query[cells]]
                continued = sum((option == other).float() for other in options[1:])
                costs.append((distance - pull * continued).masked_fill(option < 0, math.inf))
            best = torch.stack(costs).argmin(0, keepdim=True)
            found.view(-1)[cells] = torch.stack(options).gather(0, best)[0]
    return found
