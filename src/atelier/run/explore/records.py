"""What an exploration remembers beside its pictures, so that the next one goes on from it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from atelier.errors import AtelierError
from atelier.media import atomic_write
from atelier.request import Request, plain
from atelier.run.again import embedded
from atelier.run.explore.command import spell_command
from atelier.run.explore.variant import Variant

RECORDS = "cells.json"
"""In the folder of pictures: what a picture does not say of itself, losses above all."""


def read_records(folder: Path) -> dict[str, Any]:
    """Read the records of a folder by the names of its pictures; none where they are not there or damaged."""
    try:
        found = json.loads((folder / RECORDS).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def recall(variant: Variant, record: Any) -> Variant:
    """Give the variant as an earlier call left it: painted, if its picture is there and says that it is of this very request."""
    record = record if isinstance(record, dict) else {}
    if not variant.path.is_file() or checkpoint_of(variant.path).exists() or record.get("finished") is False:
        return variant
    try:
        if embedded(str(variant.path)) != Request.from_json(variant.request.without_secrets().to_json()):
            return variant
        losses = {str(name): float(value) for name, value in dict(record.get("losses", {})).items()}
        seconds, iterations = float(record.get("seconds", 0.0)), int(record.get("iterations", 0))
    except (AtelierError, TypeError, ValueError):
        return variant
    return dataclasses.replace(variant, state="painted", seconds=seconds, iterations=iterations, losses=losses, before=True)


def write_record(variant: Variant) -> None:
    """Keep what a picture does not say of itself. Raises OutputError."""
    path = variant.path.parent / RECORDS
    entry = {
        "finished": variant.state == "painted", "seconds": round(variant.seconds, 3), "iterations": variant.iterations,
        "losses": variant.losses, "varied": variant.labels, "command": spell_command(variant.request, "out.png"),
    }  # fmt: skip
    found = {**read_records(path.parent), variant.path.name: entry}
    atomic_write(json.dumps(found, ensure_ascii=False, indent=1, default=plain).encode(), path)


def checkpoint_of(path: Path) -> Path:
    """Say where a picture's checkpoint is, while it is painted."""
    return path.with_suffix(".state")
