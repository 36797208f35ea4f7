"""Pull a network's weights from the web: of the public 548 MB file of VGG-19 only the 52 MB of convolutions, by HTTP ranges."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from atelier.errors import AtelierError, OutputError, SettingError, SourceError, WeightsError
from atelier.media.connection import Dropped, parse_address
from atelier.media.files import atomic_file
from atelier.media.remote import Changed, Refused, RemoteFile
from atelier.perception.convention import input_convention, plan_tensors
from atelier.perception.record import read_record, record, verify
from atelier.perception.store import NETWORKS, Known, cache_folder, find
from atelier.perception.tensors import Header, Tensor, compose_header, header_length, open_file, parse_header, read_array
from atelier.perception.weights import digest_tensors
from atelier.progress import Progress, Report, silent

STEP = 64 << 10
"""Bytes between two reports."""

PULL_LIMIT = 256 << 20
"""Bytes a network may have; VGG-19 in float64 has 104 million."""


def pull(
    name: str,
    *,
    url: str | None = None,
    sha256: str | None = None,
    folder: Path | None = None,
    report: Report = silent,
    timeout: float = 30.0,
    retries: int = 4,
    pause: float = 0.5,
) -> Path:
    """Fetch a network's convolutions into `folder` (default: the cache) and return the file, `<name>.safetensors`.

    What is there and sound already is kept. Otherwise only the wanted tensors are fetched from a safetensors file: at `url`,
    else at $ATELIER_WEIGHTS_URL (ending in a slash: a folder of such files), else where NETWORKS says. They keep their type.
    What has come is kept as `<name>.*.part`, so that the next call goes on where this one stopped, as long as the file at
    the source is the same by its ETag or date.

    sha256: the `digest` the tensors must have (what `verify` and `record` tell), 64 hexadecimal digits; a digest of the
    source's whole file cannot be checked without fetching the whole. Where none is known, structure and finiteness are
    checked and the digest is recorded for `verify`. timeout: seconds of silence from the server. retries: tries after a
    failure that brought nothing new. pause: seconds before the first of them, doubled for each.

    `report` hears of KiB done and to do; Cancelled, or anything else raised from it, stops the pull and keeps the part.
    Raises WeightsError (the source is absent, lies, or is not the network), SettingError (url, sha256), OutputError.
    """
    network = NETWORKS.get(name)
    if network is None:
        raise WeightsError(f"no network called {name!r} to pull: there are {', '.join(NETWORKS)}")
    expected = (sha256 or network.digest or "").strip().lower()
    if expected and not re.fullmatch(r"[0-9a-f]{64}", expected):
        raise SettingError("sha256", "must be 64 hexadecimal digits", sha256)
    if network.shipped and not url:
        return find(name)
    source = _source(network, url)
    home = folder or cache_folder()
    target = home / f"{name}.safetensors"
    if _is_there(target, expected, url and parse_address(source).shown):
        report(Progress("fetching", 1, 1, subject=name, note=f"{name} is here already"))
        return target
    with _writing(home):
        home.mkdir(parents=True, exist_ok=True)
    part = _fetch(network, source, home, report, _Patience(timeout, retries, pause))
    return _install(part, target, source, expected)


def _source(network: Known, url: str | None) -> str:
    """The address to pull from: a proper one, and of a file."""
    source = url or os.environ.get("ATELIER_WEIGHTS_URL") or network.url or ""
    try:
        parts = urlsplit(source)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise SettingError("source", f"cannot pull weights from {source!r}: an http or https address is needed")
    try:
        parse_address(source)
    except SourceError as error:
        raise WeightsError(f"cannot fetch the weights: {error}") from error
    return f"{source}{network.name}.safetensors" if source.endswith("/") else source


def _is_there(target: Path, expected: str, shown: str | None) -> bool:
    if not target.is_file():
        return False
    state = verify(target)
    if not state.ok or (expected and state.digest != expected):
        return False
    return shown is None or read_record(target.with_suffix(".json")).get("url") == shown


@dataclass(frozen=True)
class _Patience:
    """Seconds of silence that are waited for, tries after failures, seconds before the first of these."""

    timeout: float
    retries: int
    pause: float


@dataclass(frozen=True)
class _Part:
    """The wanted tensors of one version of one source, and the file in which they gather in the order of `spans`."""

    header: Header
    plan: Mapping[str, Tensor]
    spans: tuple[tuple[int, int], ...]
    path: Path
    identity: str

    @property
    def size(self) -> int:
        return sum(stop - start for start, stop in self.spans)

    def missing(self, done: int) -> Iterator[tuple[int, int]]:
        """Give the ranges of the source that still have to come when `done` bytes have."""
        for start, stop in self.spans:
            if done < stop - start:
                yield start + done, stop
            done = max(0, done - (stop - start))

    def local(self) -> dict[str, Tensor]:
        """Give the plan, with places in the part's file instead of the source."""
        moved, before = {}, 0
        for start, stop in self.spans:
            for key, tensor in self.plan.items():
                if start <= tensor.start < stop:
                    shift = before - start
                    moved[key] = Tensor(tensor.dtype, tensor.shape, tensor.start + shift, tensor.stop + shift)
            before += stop - start
        return {key: moved[key] for key in self.plan}


def _fetch(network: Known, source: str, home: Path, report: Report, patience: _Patience) -> _Part:
    """Gather the whole part, through failures."""
    address = parse_address(source).shown
    remote, part = RemoteFile(source, patience.timeout), None
    done = failures = changes = 0
    try:
        while True:
            before = done
            try:
                part = part or _begin(network, source, remote, home)
                with _writing(home), part.path.open("ab") as file:
                    done = file.tell()
                if done < part.size:
                    _gather(network, remote, part, done, report)
                return part
            except Changed:
                remote.close()
                remote, part, done = RemoteFile(source, patience.timeout), None, 0
                changes += 1
                if changes > patience.retries:
                    raise WeightsError(f"{address} keeps changing while it is read: try again later") from None
                report(Progress("fetching", subject=network.name, note="the file at the source has changed: starting over"))
            except Dropped as error:
                remote.close()
                done = part.path.stat().st_size if part and part.path.exists() else done
                failures = 1 if done > before else failures + 1
                if failures > patience.retries:
                    kept = "; what has come is kept, so run this again to go on" if done else ""
                    raise WeightsError(f"cannot fetch {address}: {error.reason}{kept}") from error
                wait = patience.pause * 2 ** (failures - 1)
                report(Progress("fetching", subject=network.name, note=f"{error.reason}: trying again in {wait:g} s"))
                time.sleep(wait)
    except Refused as error:
        raise WeightsError(f"cannot fetch {address}: {error}; try another source with `url`") from error
    except SourceError as error:
        raise WeightsError(f"cannot fetch the weights: {error}") from error
    finally:
        remote.close()


def _begin(network: Known, source: str, remote: RemoteFile, home: Path) -> _Part:
    """Read the source's header and see what is wanted, and what is there of it from before."""
    shown = parse_address(source).shown
    length = header_length(b"".join(remote.read(0, 8)), shown)
    blob = b"".join(remote.read(8, 8 + length))
    header = parse_header(blob, shown)
    if remote.total is not None and remote.total != header.end:
        raise WeightsError(f"{shown} is damaged: it has {remote.total} bytes and its header speaks of {header.end}")
    plan = plan_tensors(header, shown, network.widths)
    input_convention(header, shown)
    if sum(tensor.stop - tensor.start for tensor in plan.values()) > PULL_LIMIT:
        raise WeightsError(f"{shown} has more than {PULL_LIMIT >> 20} MB of convolutions: it is no VGG-19 or student of it")
    spans: list[tuple[int, int]] = []
    for tensor in sorted(plan.values(), key=lambda tensor: tensor.start):
        if spans and spans[-1][1] == tensor.start:
            spans[-1] = (spans[-1][0], tensor.stop)
        else:
            spans.append((tensor.start, tensor.stop))
    # The name says which version of which file this is a part of, so that a part of another is never gone on with.
    version = hashlib.sha256(repr((shown, remote.identity, header.end)).encode() + blob).hexdigest()[:16]
    path = home / f"{network.name}.{version}.part"
    with _writing(home):
        for old in home.glob(f"{network.name}.*.part"):
            # Without an ETag or a date nobody can tell whether the file is the same as last time.
            if old != path or not remote.identity:
                old.unlink()
        if path.is_file() and path.stat().st_size > sum(stop - start for start, stop in spans):
            path.unlink()
    return _Part(header, plan, tuple(spans), path, remote.identity)


def _gather(network: Known, remote: RemoteFile, part: _Part, done: int, report: Report) -> None:
    def tell() -> None:
        report(Progress("fetching", done >> 10, part.size >> 10, subject=network.name))

    with _writing(part.path.parent):
        file = part.path.open("r+b")
    with file:
        reported = done
        tell()
        for start, stop in part.missing(done):
            for piece in remote.read(start, stop):
                with _writing(part.path.parent):
                    # Always at its own place: two pulls at once then write the same bytes to the same spots.
                    file.seek(done)
                    file.write(piece)
                    file.flush()
                done += len(piece)
                if done - reported >= STEP or done == part.size:
                    reported = done
                    tell()


def _install(part: _Part, target: Path, source: str, expected: str) -> Path:
    """Check what has come and put it under its name; what is wrong is thrown away."""
    shown, plan = parse_address(source).shown, part.local()
    if not part.path.is_file() and _is_there(target, expected, shown):
        return target  # another pull shared the part and was done first
    try:
        with open_file(part.path, str(part.path)) as file:
            actual = digest_tensors(file, plan)
            if expected and actual != expected:
                raise WeightsError(
                    f"what came from {shown} has the digest {actual} over its tensors, not {expected}: nothing was installed"
                )
            for key, tensor in plan.items():
                read_array(file, tensor, f"{key} from {shown}")
            metadata = {key: text for key, text in part.header.metadata.items() if key in {"input", "channels", "mean", "std", "pool"}}
            if "input" not in metadata and any(key.startswith("features.") for key in part.header.tensors):
                # The names that told the convention are not kept, so it is written down.
                metadata["input"] = "(RGB / 255 - mean) / std"
            blob = compose_header(plan, metadata)
            pieces = [struct.pack("<Q", len(blob)), blob]
            for tensor in plan.values():
                file.seek(tensor.start)
                pieces.append(file.read(tensor.stop - tensor.start))
    except WeightsError:
        part.path.unlink(missing_ok=True)
        raise
    with _writing(target.parent):
        with atomic_file(target) as written:
            written.writelines(pieces)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        record(target, url=shown, source_identity=part.identity, source_bytes=part.header.end, date=date)
        part.path.unlink(missing_ok=True)
    return target


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except AtelierError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
