"""The plan of the painter: its widths and blocks, and what follows from them for whoever trains, writes or runs it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property

from atelier.errors import WeightsError

MARGIN = 16
"""Pixels of reflected picture around what is painted, cut off again: the zero padding of the last three convolutions falls on
them. All before repeat the border instead: what they made of zeros would be a border like any other to those below, and go through the
blocks into the picture, as a frame."""
MULTIPLE = 16
"""The sides that the body takes are multiples of this."""
CELL = 8
"""Pixels from one place of the noise to the next; the second half of its channels are folded 2x2, and lie 4 px apart."""
EPSILON = 1e-5
"""Added to the variance of a normalisation."""
BLOCKS = ("wide", "deep", "fine")
"""What the names of convolutions in residual blocks begin with."""
WIDEST, MOST = 4096, 64
"""Channels and blocks that a plan may have: what says more is no plan."""


@dataclass(frozen=True)
class Plan:
    """Widths of the body: `fine` channels at 1/4 of the resolution, `wide` at 1/8, `deep` at 1/16, `half` at 1/2; residual blocks
    at 1/16, then at 1/8, then at 1/4."""

    fine: int = 32
    wide: int = 64
    deep: int = 48
    half: int = 16
    blocks: int = 2
    deep_blocks: int = 3
    fine_blocks: int = 0
    rank: int = 4
    noise: int = 8
    output: str = "sigmoid"
    norm: str = "instance"
    seen: tuple[int, ...] = ()
    """Channels of pocket's conv3_1 and conv4_1, whose features of the photo at half its size, given the painting's mean and
    covariance, the body takes as well; empty where it takes the photo alone."""

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan as `to_json` writes it. Raises WeightsError for one that makes no sense."""
        try:
            fields = {"fine_blocks": 0, "seen": [], **json.loads(text)}
            if set(fields) != {field.name for field in dataclasses.fields(cls)}:
                raise ValueError("fields are missing, or unknown")
            plan = cls(**fields)
            counts = (plan.fine, plan.wide, plan.deep, plan.half, plan.rank, plan.noise, *plan.seen)
            fits = all(type(n) is int and 1 <= n <= WIDEST for n in counts) and len(plan.seen) in (0, 2) and plan.noise % 8 == 0
            fits = fits and all(type(n) is int and 0 <= n <= MOST for n in (plan.blocks, plan.deep_blocks, plan.fine_blocks))
            fits = fits and plan.output in ("sigmoid", "tanh", "linear") and plan.norm in ("instance", "batch")
        except (ValueError, TypeError) as error:
            raise WeightsError("the painter's model does not say its plan: it is damaged, or of another version of atelier") from error
        if not fits:
            raise WeightsError("the painter's model has a plan that makes no sense: it is damaged, or of another version of atelier")
        return dataclasses.replace(plan, seen=tuple(plan.seen))

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @cached_property
    def norms(self) -> dict[str, int]:
        """Every normalisation and its channels, in order."""
        wide = {f"wide{i}{half}": self.wide for i in range(self.blocks) for half in "ab"}
        deep = {f"deep{i}{half}": self.deep for i in range(self.deep_blocks) for half in "ab"}
        fine = {f"fine{i}{half}": self.fine for i in range(self.fine_blocks) for half in "ab"}
        first = {"stem": self.fine, "down": self.wide, "below": self.deep}
        return {**first, **deep, "rise": self.wide, **wide, "up": self.fine, **fine, "detail": self.half}

    @cached_property
    def starts(self) -> dict[str, int]:
        """Where each normalisation's channels begin among those of all."""
        starts, at = {}, 0
        for name, channels in self.norms.items():
            starts[name], at = at, at + channels
        return starts

    @cached_property
    def channels(self) -> int:
        """Of all normalisations together: as many gammas and betas has a style."""
        return sum(self.norms.values())

    @property
    def numbers(self) -> int:
        """What a style is: gammas and betas as differences from 1 and 0, then two pairs of factors whose product is what
        a matrix over the deep channels differs from identity by, then how much noise each wide and each fine channel gets."""
        return 2 * self.channels + 4 * self.rank * self.deep + self.gains

    @property
    def gains(self) -> int:
        """As many numbers of a style as say how much noise a channel gets."""
        return self.wide + self.fine

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all that a painter's state holds, by its names there."""
        fine, wide, deep, half = self.fine, self.wide, self.deep, self.half
        found: dict[str, tuple[int, ...]] = {"convs.stem.weight": (fine, 48, 3, 3), "convs.down.weight": (wide, fine, 3, 3)}
        found |= {"convs.below.weight": (deep, wide, 3, 3), "convs.rise.weight": (wide, deep, 1, 1)}
        for name, channels in self.norms.items():
            if name.startswith(BLOCKS):
                found[f"convs.{name}.weight"] = (channels, channels, 3, 3)
        found |= {"convs.up.weight": (fine, wide, 3, 3), "convs.detail.weight": (4 * half, fine, 3, 3)}
        found |= {"noise.weight": (wide, self.noise // 2, 1, 1), "grain.weight": (fine, self.noise // 8, 3, 3)}
        if self.seen:
            found |= {"seen.down.weight": (wide, self.seen[0], 3, 3), "seen.below.weight": (deep, self.seen[1], 3, 3)}
        found |= {"out.weight": (12, half, 3, 3), "out.bias": (12,)}
        if self.norm == "batch":
            found |= {f"{kind}_{name}": (channels,) for kind in ("mean", "variance") for name, channels in self.norms.items()}
        return found

    @property
    def reach(self) -> int:
        """Pixels around a window, whose borders are multiples of 16, that it depends on: to its left and above, which is further than
        to the other sides."""
        # Back from a border, and each time as far as the cell that one of them lies in: the last three convolutions (16 px), two a block
        # at 1/4, two a block at 1/8, one cell of 1/16 more as what is bilinear takes the next one in, two a block at 1/16, and on the
        # way in one at 1/8 and two at 1/4 (16 px).
        own = 16 + 8 * self.fine_blocks + 16 * self.blocks + 16 + 32 * self.deep_blocks + 16
        # In the place of the way in: one that takes in what pocket sees at conv4_1 of half the size, that layer's own, four before it at
        # 1/8, two at 1/4, two at 1/2.
        seen = 16 + 16 + 4 * 8 + 2 * 4 + 2 * 2 - 16
        return own + (seen if self.seen else 0)
