"""A film cut into stretches: from one frame that is painted to the next, with the frames between that are made of those two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from atelier.media.films import Moment
from atelier.perception.motion import Accuracy, Motion, Sight, Step, follow, look, motion_along, steps_between

KNOWN = 0.7
"""Share of a frame that has to be found again in the painted frame before it; else an earlier one is painted."""


@dataclass(frozen=True, eq=False)
class Between:
    """A frame that is not painted. back: its motion since the painted frame before it; on: the same from the painted frame after it."""

    moment: Moment
    back: Motion
    on: Motion


@dataclass(frozen=True, eq=False)
class Stretch:
    """The frames after a painted one up to the next. key: that next one, which is painted. motion: since the one before; None where a
    scene begins, and nothing lies between."""

    key: Moment
    motion: Motion | None = None
    between: tuple[Between, ...] = ()


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame that was looked at. on: from the one before it to this one; chain: from this one to the last key; back: what is known
    by that."""

    moment: Moment
    sight: Sight
    on: Step
    chain: Step
    back: Motion


def stretches(coming: Iterable[Moment], most: int, accuracy: Accuracy, last: Moment | None = None) -> Iterator[Stretch]:
    """Cut a film into stretches. most: frames from one key to the next. last: the key before the first frame that comes, if there is one.

    A stretch ends early where too little would be known of its frames, and at a cut.
    """
    key = None if last is None else look(last.levels, accuracy)
    seen: list[_Seen] = []
    for moment in coming:
        sight = look(moment.levels, accuracy)
        step = on = None
        if key is not None:
            step, on = steps_between(seen[-1].sight if seen else key, sight, accuracy)
        if step is None or on is None or key is None or step.cut:
            if seen:
                yield _close(seen)
            yield Stretch(moment)
            key, seen = sight, []
            continue
        now = _see(key, moment, sight, on, follow(step, seen[-1].chain) if seen else step)
        if seen and float(now.back.trust.mean()) < KNOWN:
            yield _close(seen)
            key, seen = seen[-1].sight, []
            now = _see(key, moment, sight, on, step)
        seen.append(now)
        if len(seen) == most:
            yield _close(seen)
            key, seen = sight, []
    if seen:
        yield _close(seen)


def _see(key: Sight, moment: Moment, sight: Sight, on: Step, chain: Step) -> _Seen:
    return _Seen(moment, sight, on, chain, motion_along(key, sight, chain))


def _close(seen: list[_Seen]) -> Stretch:
    """A stretch that ends with the last that was seen."""
    end, chain = seen[-1], seen[-1].on
    between = list[Between]()
    for each in reversed(seen[:-1]):
        small = replace(each.moment, levels=each.sight.levels)
        between.append(Between(small, each.back, motion_along(end.sight, each.sight, chain)))
        chain = follow(each.on, chain)
    return Stretch(end.moment, end.back, tuple(reversed(between)))
