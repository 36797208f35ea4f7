"""Many pictures: one list of items, painted by one crew or another, with a manifest of what came of each.

    items = plan(find_photos(["photos/"]), [(Style("udnie"),)], "painted", Making(size=512))
    with Manifest("painted/manifest.jsonl") as manifest, Crew(workers=2) as crew:
        for outcome in paint_all(items, crew, manifest):
            ...

A folder on a laptop, a manifest of a studio and a cluster are the same list; only the crew differs.
"""

from atelier.batch.crew import Crew, Here, Processes, hire
from atelier.batch.item import Item, Outcome, ends_all, paint_item
from atelier.batch.manifest import Manifest, digest_item
from atelier.batch.paint import paint_all
from atelier.batch.plan import Found, Making, find_photos, plan, read_plan
from atelier.batch.segments import Segmented

__all__ = [
    "Crew",
    "Found",
    "Here",
    "Item",
    "Making",
    "Manifest",
    "Outcome",
    "Processes",
    "Segmented",
    "digest_item",
    "ends_all",
    "find_photos",
    "hire",
    "paint_all",
    "paint_item",
    "plan",
    "read_plan",
]
