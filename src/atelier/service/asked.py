"""From the fields of a request over HTTP to a `Request`: nothing is opened, and no name from outside reaches the file system.

A picture is an upload, which becomes `upload://FIELD-N`, or an http(s) address. Everything else is a word that is known.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atelier.engines.network.catalogue import every
from atelier.errors import AtelierError, SettingError, SourceError
from atelier.image.encode import FORMATS
from atelier.media.connection import is_public, parse_address
from atelier.request import TASKS, Option, Request, Style, options, parse_layers
from atelier.run import GRADIENTS, check, schema
from atelier.service.config import Bounds
from atelier.service.problem import Problem

UPLOAD = "upload://"
NAMED = "upload:"
"""How a JSON style names an uploaded file's field."""
MEDIA = {
    "png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "tiff": "image/tiff", "avif": "image/avif", "heic": "image/heic",
    "jxl": "image/jxl", "svg": "image/svg+xml", "pdf": "application/pdf", "json": "application/json",
}  # fmt: skip
DRAWN = ("svg", "pdf", "json")
"""Formats of drawings alone."""
PICTURES = {"masks": "mask", "style_regions": "style_regions", "regions": "regions", "blend": "blend"}
"""Options of a request that name pictures, and the fields that they are given in."""
REFUSED = ("device", "backend", "begin", "end", "fps", "temporal")
"""Options that are the operator's, or for films."""
MOST = 16
"""Styles, masks and maps of a request, each."""


@dataclass(frozen=True)
class Upload:
    """A file of a multipart request. field: its field's name. data: its bytes, not looked at."""

    field: str
    data: bytes = dataclasses.field(repr=False)


@dataclass(frozen=True)
class Asked:
    """A request, how its result is written, and the names of uploads in it."""

    request: Request
    format: str = "png"
    quality: int = 92
    depth: int | None = None

    @property
    def suffix(self) -> str:
        """Of the result's file."""
        return ".jpg" if self.format == "jpeg" else f".{self.format}"

    def to_json(self) -> str:
        record = {"format": self.format, "quality": self.quality, "depth": self.depth}
        return json.dumps({"request": json.loads(self.request.to_json()), **record})

    @classmethod
    def from_json(cls, text: str) -> Asked:
        record = json.loads(text)
        return cls(Request.from_json(json.dumps(record["request"])), record["format"], record["quality"], record["depth"])


Value = Any
"""Of a field: text or `Upload` in a form, any JSON value in a body of JSON."""


def read(fields: Sequence[tuple[str, Value]], bounds: Bounds = Bounds()) -> tuple[Asked, dict[str, bytes]]:
    """The request that fields ask for, and its uploads by name. Raises Problem (422), which names the field."""
    try:
        return _Reader(fields, bounds).read()
    except SettingError as error:
        raise Problem.of(error) from error
    except AtelierError as error:
        raise Problem.of(error) from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Problem(422, "this cannot be painted", f"a field has a value that cannot be read: {error}", "body") from error


class _Reader:
    def __init__(self, fields: Sequence[tuple[str, Value]], bounds: Bounds) -> None:
        self.bounds, self.uploads = bounds, dict[str, bytes]()
        self.given: dict[str, list[Value]] = {}
        for name, value in fields:
            self.given.setdefault(name, []).append(value)

    def read(self) -> tuple[Asked, dict[str, bytes]]:
        task = self.word("task", "stylize", TASKS)
        photo = self.one("photo")
        styles = tuple(self.styles())
        written = self.written(task)
        maps: dict[str, Any] = {name: self.pictures(name, field) for name, field in PICTURES.items()}
        maps |= {name: (maps[name] or ("",))[0] for name in ("regions", "blend")}
        request, settings = self.options(task)
        content = None if photo is None else self.picture("photo", photo)
        if content is None and task != "texture":
            raise Problem(422, "nothing to paint", "give a photo: a file, or an http(s) address", "photo")
        asked = Request(task, content, styles, settings=settings, **request, **{name: value for name, value in maps.items() if value})
        self.bound(asked)
        check(asked)
        return Asked(asked, **written), self.uploads

    # Parts ------------------------------------------------------------------------------------------------------------

    def styles(self) -> list[Style]:
        found: list[Value] = []
        for value in self.given.pop("style", []):
            found += value if isinstance(value, list) else [value]
        for value in self.given.pop("styles", []):
            record = _json("styles", value) if isinstance(value, str) else value
            found += record if isinstance(record, list) else [record]
        if len(found) > MOST:
            raise SettingError("styles", f"at most {MOST} styles")
        return [self.style(value) for value in found]

    def style(self, value: Value) -> Style:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = _json("style", value)
        if isinstance(value, Mapping):
            unknown = sorted(set(value) - {each.name for each in dataclasses.fields(Style)})
            if unknown or not isinstance(value.get("source"), str):
                known = ", ".join(each.name for each in dataclasses.fields(Style))
                raise SettingError("styles", f"a style is an object with {known}" + (f", not {unknown[0]!r}" if unknown else ""))
            return Style(**{**value, "source": self.painting(value["source"])})
        return Style(self.painting(value))

    def painting(self, value: Value) -> str:
        if isinstance(value, str) and not value.startswith(NAMED) and "://" not in value:
            names = [entry.name for entry in every()]
            if value not in names:
                raise SettingError("styles", f"no style of that name: upload a painting, or choose from {', '.join(names)}", value[:80])
            return value
        return self.picture("style", value)

    def pictures(self, name: str, field: str) -> tuple[str, ...]:
        found: list[Value] = []
        for each in {name, field}:
            for value in self.given.pop(each, []):
                found += value if isinstance(value, list) else [value]
        if len(found) > (1 if name in ("regions", "blend") else MOST):
            raise SettingError(name, "too many of them")
        return tuple(value if self.is_word(name, value) else self.picture(name, value) for value in found)

    def is_word(self, name: str, value: Value) -> bool:
        if name == "blend":
            return value == "" or value in GRADIENTS
        ways = name in ("regions", "style_regions") and isinstance(value, str)
        return ways and (value == "" or re.fullmatch(r"auto(:\d{1,2})?", value) is not None)

    def picture(self, name: str, value: Value) -> str:
        """The name of an upload, or an address that may be public. Anything else is refused: paths above all."""
        if isinstance(value, Upload):
            return self.keep(value)
        if isinstance(value, str) and value.startswith(NAMED):
            return self.keep(self.upload(value.removeprefix(NAMED), name))
        if not isinstance(value, str) or "://" not in value:
            raise SettingError(name, "upload a file, or give an http(s) address: paths are not read here")
        return check_address(name, value)

    def upload(self, field: str, name: str) -> Upload:
        found = [value for value in self.given.get(field, []) if isinstance(value, Upload)]
        if len(found) != 1:
            raise SettingError(name, f"there is no file in a field {field[:40]!r}")
        return found[0]

    def keep(self, upload: Upload) -> str:
        for name, data in self.uploads.items():
            if data is upload.data:
                return UPLOAD + name
        name = f"{re.sub('[^a-z_]', '', upload.field.lower())[:20] or 'file'}-{len(self.uploads) + 1}"
        self.uploads[name] = upload.data
        return UPLOAD + name

    def options(self, task: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The other fields: those of the request, and settings of the engine."""
        known = {each.name: each for each in schema(task)}
        known |= {former: each for each in known.values() for former in each.former}
        own = options(Request)
        request: dict[str, Any] = {}
        settings: dict[str, Any] = {}
        for name, values in self.given.items():
            if all(isinstance(value, Upload) for value in values) and name not in known:
                if any(value.data is data for value in values for data in self.uploads.values()):
                    continue  # a file that a style names
                raise SettingError(name, "nothing here takes a file of that name")
            if name in REFUSED:
                raise SettingError(name, "is for whoever runs the service, or for films, which it does not paint")
            value = self.value(name, values, known.get(name))
            (request if name in own else settings)[name] = value
        return request, settings

    def value(self, name: str, values: list[Value], each: Option | None) -> Any:
        if len(values) != 1:
            raise SettingError(name, "is given several times")
        (value,) = values
        if each is None:
            return value if isinstance(value, (str, int, float, bool)) else ""
        if each.file and not (value in each.words or value == each.default or (isinstance(value, str) and value.startswith("#"))):
            if each.file != "picture":
                words = ", ".join(filter(None, each.words))
                raise SettingError(name, f"choose from {words}" if words else "files of the service's are not for requests")
            return self.picture(name, value)
        if isinstance(value, Upload):
            raise SettingError(name, "takes no file")
        return _typed(each, value) if isinstance(value, str) else value

    def written(self, task: str) -> dict[str, Any]:
        allowed = (*FORMATS, "jpg", *(DRAWN if task == "draw" else ()))
        form = self.word("format", "png", allowed)
        quality, depth = self.number("quality", 92, 1, 100), self.number("depth", None, 8, 16)
        if depth not in (None, 8, 16):
            raise SettingError("depth", "must be 8 or 16", depth)
        return {"format": "jpeg" if form == "jpg" else form, "quality": quality, "depth": depth}

    def bound(self, request: Request) -> None:
        """Refuse what goes over the bounds and can be seen to. The rest of them is the worker's."""
        if request.size is not None and request.size > self.bounds.side:
            raise Problem(413, "too large", f"`size` may be up to {self.bounds.side} px here", "size")
        seconds = request.settings.get("seconds", 0)
        if isinstance(seconds, (int, float)) and seconds > self.bounds.seconds:
            raise Problem(413, "too long", f"`seconds` may be up to {self.bounds.seconds:g} here", "seconds")

    def one(self, name: str) -> Value:
        values = self.given.pop(name, [])
        if len(values) > 1:
            raise SettingError(name, "is given several times")
        return values[0] if values else None

    def word(self, name: str, default: str, words: Sequence[str]) -> str:
        value = self.one(name)
        if value is None:
            return default
        if value not in words:
            raise SettingError(name, f"choose from {', '.join(words)}", value[:80] if isinstance(value, str) else None)
        return str(value)

    def number(self, name: str, default: int | None, low: int, high: int) -> int | None:
        value = self.one(name)
        if value is None:
            return default
        try:
            found = int(value) if isinstance(value, str) else value
        except ValueError:
            found = None
        if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
            raise SettingError(name, f"must be a whole number from {low} to {high}")
        return found


def check_address(name: str, url: str) -> str:
    """The address, unless it can be seen without asking anybody that it is not of the open internet. Raises SettingError."""
    try:
        address = parse_address(url)
    except SourceError as error:
        raise SettingError(name, str(error)[:300]) from error
    literal = _literal(address.host)
    if (literal is not None and not is_public(literal)) or address.host.lower().rstrip(".") in ("localhost", "localhost.localdomain"):
        raise SettingError(name, "this address is not of the open internet, and is not fetched", address.host)
    if len(url) > 2000:
        raise SettingError(name, "the address is longer than 2000 signs")
    return url


def _literal(host: str) -> str | None:
    """An address written as numbers, in any of the ways that systems read; None for a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host)) if re.fullmatch(r"[\da-fA-FxX.]+", host) else None
    except OSError:
        return None


def _typed(each: Option, text: str) -> Any:
    """A text of a form as an option has it. Raises SettingError."""
    if each.none and text == "":
        return None
    if each.layers:
        return parse_layers(text, each.name)
    if each.kind is bool:
        found = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}.get(text.lower())
        if found is None:
            raise SettingError(each.name, "must be true or false", text[:80])
        return found
    try:
        return each.kind(text)
    except ValueError:
        raise SettingError(each.name, "must be a whole number" if each.kind is int else "must be a number", text[:80]) from None


def _json(field: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SettingError(field, "is no JSON") from None
