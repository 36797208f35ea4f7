"""A way to atelier with the standard library alone: by the command line, or by a service over HTTP.

The same file lies in each integration, which is installed by copying its folder.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

COMMAND = "ATELIER_COMMAND"
SERVICE = "ATELIER_SERVICE"
KEY = "ATELIER_KEY"
"""Variables of the environment: the program's path, and the service's address and key. With an address the service paints."""
STYLES = (
    "starry-night", "cliffs-at-etretat", "composition-vii", "edtaonisl", "great-wave", "houses-and-figure", "night-cafe", "olive-grove",
    "river-landscape", "self-portrait", "shipwreck-minotaur", "straw-hat", "the-scream", "three-tahitian-women", "udnie",
    "woman-with-a-hat",
)  # fmt: skip
"""What is offered where atelier cannot be asked."""


class Failed(Exception):
    """atelier cannot be reached, or refused: one line for the user."""


class Stopped(Exception):
    """The user asked to stop."""


def paint(
    photo: bytes, styles: Iterable[str | bytes], options: dict[str, Any] | None = None, *, service: str = "", key: str = "",
    command: str = "", stopped: Callable[[], bool] = lambda: False,
) -> bytes:  # fmt: skip
    """Paint a picture: a PNG's bytes in, a PNG's bytes out.

    styles: names, or the bytes of paintings' files. options: of `atelier stylize`, by their names in Python: size, strength,
    engine. service: its address; "" for $ATELIER_SERVICE, or else the command line. stopped: asked now and then. Raises Failed, Stopped.
    """
    given = {name: value for name, value in (options or {}).items() if value not in (None, "")}
    if not {"engine", "effort", "recipe"} & set(given):  # the networks, which paint a picture of any size at its own, at once
        given["engine"] = "instant"
    address = (service or os.environ.get(SERVICE, "")).rstrip("/")
    if address:
        return _by_service(address, key or os.environ.get(KEY, ""), photo, list(styles), given, stopped)
    return _by_command(program(command), photo, list(styles), given, stopped)


def style_names(*, service: str = "", key: str = "", command: str = "") -> list[str]:
    """The styles by name; a few where atelier cannot be asked."""
    try:
        address = (service or os.environ.get(SERVICE, "")).rstrip("/")
        if address:
            told = json.loads(_ask(address, "GET", "styles", key or os.environ.get(KEY, ""), wait=10))
        else:
            told = json.loads(subprocess.run([*program(command), "styles", "--json"], capture_output=True, check=True, timeout=60).stdout)
        return [str(each["name"]) for each in told] or list(STYLES)
    except (Failed, OSError, ValueError, KeyError, TypeError, subprocess.SubprocessError):
        return list(STYLES)


# By the command line ------------------------------------------------------------------------------------------------------


def program(command: str = "") -> list[str]:
    """The words that start atelier. Raises Failed."""
    named = command or os.environ.get(COMMAND, "")
    found = shutil.which(named or "atelier")
    if not found:
        raise Failed(
            f"{named or 'atelier'} is not there: pip install atelier, or say with {COMMAND} where it is, or with {SERVICE} "
            "where its service is"
        )
    return [found]


def _by_command(words: list[str], photo: bytes, styles: list[str | bytes], options: dict[str, Any], stopped: Callable[[], bool]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="atelier-") as name:
        folder = Path(name)
        (folder / "photo.png").write_bytes(photo)
        line = [*words, "stylize", str(folder / "photo.png"), "--out", str(folder / "painted.png"), "--quiet"]
        for at, style in enumerate(styles):
            if isinstance(style, bytes):
                (folder / f"style-{at}.png").write_bytes(style)
            line += ["--style", style if isinstance(style, str) else str(folder / f"style-{at}.png")]
        for option, value in options.items():
            line += [f"--{option.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
        with (folder / "said").open("w+b") as said:
            try:
                process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=said, stderr=said, creationflags=_HIDDEN)
            except OSError as error:
                raise Failed(f"{words[0]} cannot be started: {error.strerror or error}") from error
            code = _wait(process, stopped)
            if code:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                raise Failed(lines[-1] if lines else f"atelier ended with {code}")
        return (folder / "painted.png").read_bytes()


_HIDDEN: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def _wait(process: subprocess.Popen[bytes], stopped: Callable[[], bool]) -> int:
    """The exit code of a process, which is ended where that is asked for."""
    try:
        while process.poll() is None:
            if stopped():
                raise Stopped
            time.sleep(0.05)
        return process.returncode
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# By a service -------------------------------------------------------------------------------------------------------------


def _by_service(
    address: str, key: str, photo: bytes, styles: list[str | bytes], options: dict[str, Any], stopped: Callable[[], bool]
) -> bytes:
    fields = [("photo", photo), *(("style", style) for style in styles)]
    fields += [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in options.items()]
    kind, body = form([*fields, ("format", "png")])
    headers = {"Content-Type": kind, "Idempotency-Key": secrets.token_hex(16)}
    job = json.loads(_ask(address, "POST", "jobs", key, body, headers))
    while job["state"] not in ("done", "failed", "cancelled"):
        if stopped():
            _ask(address, "DELETE", f"jobs/{job['id']}", key)
            raise Stopped
        job = json.loads(_ask(address, "GET", f"jobs/{job['id']}?wait=1", key))
    if job["state"] != "done":
        raise Failed((job.get("error") or {}).get("detail") or f"the job was {job['state']}")
    return _ask(address, "GET", f"jobs/{job['id']}/result", key)


def form(fields: Iterable[tuple[str, str | bytes]]) -> tuple[str, bytes]:
    """The media type and body of a form (RFC 7578): text, and files as bytes."""
    border = secrets.token_hex(16)
    parts = []
    for name, value in fields:
        file = '; filename="picture"\r\nContent-Type: application/octet-stream' if isinstance(value, bytes) else ""
        data = value if isinstance(value, bytes) else value.encode()
        parts.append(f'--{border}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={border}", b"".join(parts) + f"--{border}--\r\n".encode()


def _ask(
    address: str, method: str, path: str, key: str, body: bytes | None = None, headers: dict[str, str] | None = None, wait: float = 60
) -> bytes:
    if not address.startswith(("http://", "https://")):
        raise Failed(f"{address} is no address of a service: it begins with http:// or https://")
    given = {**(headers or {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(f"{address}/v1/{path}", body, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=wait) as answer:
            found: bytes = answer.read()
            return found
    except urllib.error.HTTPError as error:
        raise Failed(_reason(error)) from error
    except OSError as error:
        raise Failed(f"{address} cannot be reached: {getattr(error, 'reason', None) or error}") from error


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"the service answered {error.code}"
