"""What is known of a weights file: the record beside it, and whether the file is still what it was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from atelier.errors import WeightsError
from atelier.media.files import atomic_write
from atelier.perception.store import NETWORKS, find
from atelier.perception.weights import digest, load


@dataclass(frozen=True)
class Verified:
    """What came of a check. digest: of the tensors there, "" where the file is damaged. expected: the digest on record, None
    where there is none. ok: the file is sound and, where a digest is on record, the same. detail: a line for people."""

    path: Path
    digest: str
    expected: str | None
    ok: bool
    detail: str


def verify(name_or_path: str | Path) -> Verified:
    """Check a network's file against the digest on record: in `<name>.json` beside it, else in NETWORKS.

    A record beside the file finds damage, not malice: who can write the one can write the other. Raises WeightsError where
    there is no such file; a damaged one is an answer (`ok` False), not an error.
    """
    path = find(name_or_path)
    network = NETWORKS.get(path.stem)
    expected = network.digest if network else None
    record_path = path.with_suffix(".json")
    try:
        expected = read_record(record_path).get("digest", expected)
        load(path)
        actual = digest(path)
    except WeightsError as error:
        return Verified(path, "", expected, False, str(error))
    if expected is None:
        return Verified(path, actual, None, True, f"{path} is sound; there is no digest on record to compare it with")
    if actual != expected:
        advice = f"delete it and {record_path.name}, and pull or copy it again"
        return Verified(path, actual, expected, False, f"{path} is not what it was: {advice}")
    return Verified(path, actual, expected, True, f"{path} is sound and has the digest on record")


def record(path: Path, **facts: str | int) -> Path:
    """Write `<name>.json` beside a weights file: its digest and any facts worth keeping. Returns the record's path.

    Raises WeightsError as `load` does, OutputError where it cannot be written.
    """
    content = {"digest": digest(path), "bytes": path.stat().st_size, **facts}
    beside = path.with_suffix(".json")
    atomic_write((json.dumps(content, indent=2) + "\n").encode(), beside)
    return beside


def read_record(path: Path) -> dict[str, str]:
    """Read the words of a record; none where there is no such file. Raises WeightsError where it cannot be read."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
        return {key: value for key, value in content.items() if isinstance(value, str)}
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"the record {path} cannot be read: delete it") from error
