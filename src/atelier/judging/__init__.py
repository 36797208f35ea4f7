"""Judging pictures: how much of the painting is in them, how much of the photo is left, and what has gone wrong."""

from atelier.judging.flatness import Flatness, flatness
from atelier.judging.panel import Judge, Verdict, judge, measures

__all__ = ["Flatness", "Judge", "Verdict", "flatness", "judge", "measures"]
