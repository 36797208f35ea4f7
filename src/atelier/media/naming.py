"""Names for results that are made of many photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import unquote, urlsplit


def name_results(sources: Sequence[str]) -> list[str]:
    """Give each photo's result a name without suffix, all unlike: the photo's stem, where no other has that.

    Photos of one stem are told apart by their suffix ("a-jpg", "a-png"), else by their folder ("2023-a", "2024-a"), else by
    number; so a name does not depend on the order, unless by number. Case does not count, as some disks do not see it.
    """
    paths = [PurePath(unquote(urlsplit(source).path) if "://" in source else source) for source in sources]
    stems = [path.stem.strip("-") or "picture" for path in paths]
    suffixed = [f"{stem}-{path.suffix[1:].lower()}" if path.suffix else stem for stem, path in zip(stems, paths, strict=True)]
    foldered = [f"{path.parent.name}-{stem}" if path.parent.name else stem for stem, path in zip(stems, paths, strict=True)]
    names = list(stems)
    for more in (suffixed, foldered):
        clashing = _clashing(names)
        trial = [more[at] if at in clashing else name for at, name in enumerate(names)]
        # a way of naming is good for a group if it parts all of it
        still = _clashing(trial)
        names = [names[at] if at in clashing and at in still else trial[at] for at in range(len(names))]
    return _number(names)


def _clashing(names: Sequence[str]) -> set[int]:
    counts = Counter(name.casefold() for name in names)
    return {at for at, name in enumerate(names) if counts[name.casefold()] > 1}


def _number(names: Sequence[str]) -> list[str]:
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    out = []
    for name in names:
        own, number = name, 2
        while own.casefold() in seen or (own != name and own.casefold() in taken):
            own, number = f"{name}-{number}", number + 1
        seen.add(own.casefold())
        out.append(own)
    return out
