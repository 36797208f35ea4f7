"""What was measured: seconds of every run, and how many times as long one takes as another."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from atelier.bench.plan import PAPER, Plan, Published


@dataclass
class Row:
    """Seconds of every run at one size; empty where there was none. iterations: of the optimiser, over all its scales."""

    size: int
    optimize: list[float] = field(default_factory=list)
    iterations: int = 0
    network: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)

    @property
    def paper(self) -> Published | None:
        return PAPER.get(self.size)

    @property
    def ratios(self) -> dict[str, float | None]:
        """Of medians: how many times as long the former takes as the latter. None where one of them is not known."""
        paper = self.paper
        traditional, implemented = (paper.traditional, paper.implemented) if paper else (None, None)
        optimize, network, cold = (middle(each) for each in (self.optimize, self.network, self.cold))
        return {
            "paper_traditional_to_optimize": ratio(traditional, optimize), "paper_implemented_to_network": ratio(implemented, network),
            "paper_implemented_to_cold": ratio(implemented, cold), "optimize_to_network": ratio(optimize, network),
            "optimize_to_cold": ratio(optimize, cold),
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        def spread(seconds: list[float]) -> dict[str, Any] | None:
            return {"seconds": seconds, "median": middle(seconds), "least": min(seconds)} if seconds else None

        optimize = spread(self.optimize)
        return {
            "size": self.size, "paper": vars(self.paper) if self.paper else None,
            "optimize": {**optimize, "iterations": self.iterations} if optimize else None,
            "network": spread(self.network), "cold": spread(self.cold), "ratios": self.ratios,
        }  # fmt: skip


@dataclass
class Result:
    """What was measured. rows: in the order of the sizes, as far as it came. notes: why a column is empty. network: which body painted,
    and what ran it. optimizer: what that ran on. plain_iterations: of the recipe that is Gatys et al.'s own way. finished: False where
    it was stopped."""

    plan: Plan
    machine: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    network: dict[str, str] = field(default_factory=dict)
    optimizer: dict[str, str] = field(default_factory=dict)
    plain_iterations: int = 0
    finished: bool = False
    when: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        plan = self.plan
        return {
            "program": "atelier bench", "when": self.when, "machine": self.machine, "photo": plan.photo or "made up",
            "style": plan.style or "made up", "runs": plan.runs, "quick": plan.quick, "device": plan.device, "seed": plan.seed,
            "recipe": "default", "plain_iterations": self.plain_iterations, "network": self.network, "optimizer": self.optimizer,
            "rows": [row.to_dict() for row in self.rows], "notes": self.notes, "finished": self.finished,
        }  # fmt: skip


def middle(seconds: Sequence[float]) -> float | None:
    return statistics.median(seconds) if seconds else None


def ratio(longer: float | None, shorter: float | None) -> float | None:
    return longer / shorter if longer is not None and shorter else None
