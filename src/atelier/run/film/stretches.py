"""A film cut into stretches: from one frame that is painted to the next, with the frames between that are made of those two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from atelier.media.films import Moment
from atelier.perception.motion import Accuracy, Motion, Sight, Step, follow, import_cv2, look, motion_along, steps_between

KNOWN = 0.7
"""Share of a frame that has to be found again in the painted frame before it; else an earlier one is painted."""
PARTS, TORN = 10, 0.62
"""Of a frame's long side, the part that is looked at together; and how much of that may be unknown to both painted frames."""


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
    """A frame that was looked at. step: from this one to the one before it; on: from that to this; chain: from this one to the last key;
    back: what is known by that."""

    moment: Moment
    sight: Sight
    step: Step
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
                yield from _close(seen)
            yield Stretch(moment)
            key, seen = sight, []
            continue
        now = _see(key, moment, sight, step, on, seen[-1] if seen else None)
        if seen and float(now.back.trust.mean()) < KNOWN:
            yield from _close(seen)
            key, seen = seen[-1].sight, []
            now = _see(key, moment, sight, step, on)
        seen.append(now)
        if len(seen) == most:
            yield from _close(seen)
            key, seen = sight, []
    if seen:
        yield from _close(seen)


def _see(key: Sight, moment: Moment, sight: Sight, step: Step, on: Step, before: _Seen | None = None) -> _Seen:
    """before: the frame before it, unless that is the key."""
    chain = step if before is None else follow(step, before.chain)
    return _Seen(moment, sight, step, on, chain, motion_along(key, sight, chain))


def _close(seen: list[_Seen]) -> Iterator[Stretch]:
    """The stretch that ends with the last that was seen; two where that would be torn."""
    stretch = _stretch(seen)
    if not any(is_torn(each) for each in stretch.between):
        yield stretch
        return
    half = len(seen) // 2
    yield from _close(seen[:half])
    key, rest = seen[half - 1].sight, list[_Seen]()
    for each in seen[half:]:
        rest.append(_see(key, each.moment, each.sight, each.step, each.on, rest[-1] if rest else None))
    yield from _close(rest)


def is_torn(between: Between) -> bool:
    """Whether there is a part of a frame of which neither painted frame knows."""
    unknown = 1 - np.maximum(between.back.trust, between.on.trust)
    side = max(1, max(unknown.shape) // PARTS)
    return float(import_cv2().blur(unknown, (side, side)).max()) > TORN


def _stretch(seen: list[_Seen]) -> Stretch:
    """One stretch."""
    end, chain = seen[-1], seen[-1].on
    between = list[Between]()
    for each in reversed(seen[:-1]):
        small = replace(each.moment, levels=each.sight.levels)
        between.append(Between(small, each.back, motion_along(end.sight, each.sight, chain)))
        chain = follow(each.on, chain)
    return Stretch(end.moment, end.back, tuple(reversed(between)))
