"""What somebody may have meant by a name that there is not."""

from __future__ import annotations

from collections.abc import Iterable

LIKENESS = 0.75
"""How much of two names must agree, of [0, 1]: a letter too many, too few or another in every four or so. Below that, what is said to
be meant is silly."""
BEGUN = 4
"""Letters that are enough to tell a name by how it begins."""


def near(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Find known names that are like this one, the nearest first; none where it is unlike all."""
    from difflib import get_close_matches

    names = list(known)
    begun = [each for each in names if len(name.strip("-")) >= BEGUN and each.lower().startswith(name.lower())]
    like = get_close_matches(name, names, max(most, 1), LIKENESS)
    return list(dict.fromkeys([*like, *begun]))[:most]


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """Ask `did you mean this or that?`; "" where the name is unlike all."""
    found = near(name, known, most)
    return f"did you mean {' or '.join(found)}?" if found else ""
