"""Painting a list of items: what is there already is skipped, what fails is noted, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from atelier.batch.crew import Crew
from atelier.batch.item import FAILED, SKIPPED, Item, Outcome, ends_all
from atelier.batch.manifest import Manifest, digest_item
from atelier.errors import AtelierError
from atelier.media.files import sweep
from atelier.progress import Report, silent


def paint_all(
    items: Iterable[Item], crew: Crew, manifest: Manifest | None = None, report: Report = silent, *, again: bool = False
) -> Iterator[Outcome]:
    """Paint items as they come; give what came of each, skipped ones too.

    again: paint what is there already, too. Raises, after its outcome, an error that would meet all others too; Cancelled, once all
    stand still.
    """
    skipped: list[Outcome] = []
    swept: set[Path] = set()

    def wanted() -> Iterator[Item]:
        for item in items:
            if manifest is None:
                yield item
                continue
            try:
                item = digest_item(item, manifest)
            except AtelierError as error:
                skipped.append(Outcome(item, FAILED, error=error))
                continue
            if not again and manifest.made(item):
                manifest.keep(item)
                skipped.append(Outcome(item, SKIPPED))
                continue
            manifest.begin(item)
            folder = Path(item.output).parent
            if folder not in swept:  # of what a run left that was killed
                swept.add(folder)
                sweep(folder)
            yield item

    for outcome in crew.paint(wanted(), report):
        if manifest is not None:
            manifest.end(outcome)
        while skipped:
            yield skipped.pop(0)
        yield outcome
        if ends_all(outcome.error):
            assert outcome.error is not None
            raise outcome.error
    yield from skipped
