"""What commands that judge have in common: names of what was judged, and numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer


def write_json(value: Any, name: str) -> None:
    """Write to the file of that name, whole, or to standard output for -."""
    from atelier.media import STANDARD, atomic_write

    text = json.dumps(value, ensure_ascii=False, indent=2)
    if name == STANDARD:
        typer.echo(text)
    else:
        atomic_write(f"{text}\n".encode(), name)


def labels_of(sources: Sequence[str]) -> list[str]:
    """Names of files without folders and suffixes, where these tell them apart."""
    stems = [Path(source).stem if source != "-" else "standard input" for source in sources]
    return stems if len(set(stems)) == len(stems) else list(sources)
