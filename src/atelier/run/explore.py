"""A photo painted in many ways: every combination of a few settings, or the way from one style to another.

Every picture is a run of its own, with its request embedded in it, in a folder of their own; so whatever ends an exploration, what is
painted is there, and the same exploration goes on from it.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import atelier
from atelier.errors import AtelierError, Cancelled, OutputError, SettingError, SourceError, TargetError
from atelier.image import Image, Limits
from atelier.image.maps import KEY
from atelier.image.sheet import Block, Cell, grid_sheet
from atelier.media import STANDARD, atomic_write, check_place, open_still
from atelier.perception.store import NETWORKS
from atelier.progress import Progress, Report, silent
from atelier.request import (
    ENGINES,
    AnySettings,
    DrawSettings,
    InstantSettings,
    Request,
    Settings,
    Style,
    check,
    options,
    parse_layers,
    plain,
    public,
)
from atelier.run.again import PLACES, embedded
from atelier.run.drawing import make_drawing
from atelier.run.instant import make_instant, one_engine, refuse
from atelier.run.opening import Painting, as_picture, at_size, open_style, settled
from atelier.run.outputs import Made
from atelier.run.painting import STARTS, make_painting
from atelier.run.places import Outputs, beforehand, check_derived
from atelier.run.regions import laid_out, open_places, places_read

RECORDS = "cells.json"
"""In the folder of pictures: what a picture does not say of itself, losses above all."""
FIELDS = {
    "style": "styles", "engine": "engine", "recipe": "recipe", "size": "size", "seed": "seed", "device": "device", "regions": "regions",
    "mask": "masks", "style_regions": "style_regions", "feather": "feather", "blend": "blend",
}  # fmt: skip
"""What can be varied beside settings, by its option, and the field of a request that it is."""
ONE_PHOTO = "an exploration is of one photo: explore each photo by itself"
OF_FILES = "it is about files, and what is varied has to make another picture"
ELSEWHERE = "it is no option of stylize or draw, which are what is explored"
UNVARIED = {
    **dict.fromkeys(("photo", "photos", "content"), ONE_PHOTO),
    **dict.fromkeys(
        ("out", "quality", "depth", "format", "overwrite", "every", "animation", "log", "checkpoint", "max_pixels", "max_bytes",
         "allow_private", "quiet"), OF_FILES,
    ),
    **dict.fromkeys(("task", "canvas", "width", "height", "layer"), ELSEWHERE),
}  # fmt: skip
"""Options of commands that cannot be varied, and why not."""
TOGETHER = " + "
"""Between the parts of one value: the paintings of one picture, or a mask for each of them."""
NONE, AUTO = "none", "auto"
"""Values that mean that there is no mask, map or gradient; and a feather by the picture's size."""
SIZE = 512
"""Long side of the pictures, px, unless told; a smaller photo keeps its own."""
ACROSS = 9
"""So many pictures at most are in a row where one thing alone is varied; where two are, as many as there are values."""
MOST = 1000
"""Pictures of one exploration."""
PLAIN = Style("")
JUDGED = {"held_out": "judged style", "patches": "judged patches", "structure": "judged content", "ssim": "judged SSIM"}
"""What of the judging panel is told: two numbers of style, two of content; the networks' first, which may be missing."""
JUDGED_AT = 512
"""Long side, px, that pictures are judged at, or their own where it is less."""


@dataclass(frozen=True)
class Axis:
    """What is varied: a setting of an engine, one of `FIELDS`, or `share` of a blend's style.

    values: as a `Request` has them: of styles and masks, tuples of them; of `share`, numbers from 0 to 1. labels: a few words each. of:
    the number of the style that `share` is about, 1 or 2; that of style 0 is what is left of 1.
    """

    name: str
    values: tuple[Any, ...]
    labels: tuple[str, ...]
    of: int = 0

    @property
    def title(self) -> str:
        return self.name.replace("_", " ")

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values where they are numbers, else None."""
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values):
            return tuple(float(value) for value in self.values)
        return None

    def head(self, i: int) -> str:
        """What to write over a picture that has value i."""
        return self.labels[i] if self.name in ("style", "share") else f"{self.title} {self.labels[i]}"


@dataclass(frozen=True)
class Variant:
    """One picture of an exploration. place: the index of its value on each axis. labels: that value in words, by the axis's title.

    path: where it is, once it is painted. state: `waiting`, `painted`, `stopped` on the way (the picture so far), or `failed`, of which
    `error` says why and exit_code what it means. before: whether it was painted by an earlier call. judged: numbers of the face's.
    """

    place: tuple[int, ...]
    labels: Mapping[str, str]
    request: Request
    path: Path
    state: str = "waiting"
    seconds: float = 0.0
    iterations: int = 0
    losses: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    exit_code: int = 0
    before: bool = False
    judged: Mapping[str, float] = field(default_factory=dict)

    @property
    def there(self) -> bool:
        """Whether there is a picture."""
        return self.state in ("painted", "stopped")

    @property
    def image(self) -> Image:
        """The picture, opened. Raises SourceError where there is none."""
        return open_still(self.path)

    @property
    def command(self) -> str:
        """The line that makes it again."""
        return command(self.request, self.path.name)


Explained = Callable[[Exception], tuple[str, int] | None]
Panel = Callable[[str, Image, int], Callable[[Path], Any]]
"""A photo, a painting and a size to what says of a picture how close it came (`atelier.judging.Judge`)."""


def told(error: Exception) -> tuple[str, int] | None:
    """What to say of an error, and its exit code; None of one that is a fault of the program."""
    return (str(error), error.exit_code) if isinstance(error, AtelierError) else None


# What is varied -------------------------------------------------------------------------------------------------------


def axis(text: str, style: Callable[[str], Style] = Style) -> Axis:
    """`style_weight=1,10,100` as an axis; where values have commas in them, `;` parts them: `style_layers=conv1_1,conv2_1;conv3_1`.

    What one picture has several of is joined by ` + `: `mask=left.png + right.png;all.png + none.png`. style: reads a style. Raises
    SettingError for a name that nothing has, and for values that make no sense for it.
    """
    name, equals, rest = text.partition("=")
    name = _name(name)
    if not equals or not name:
        raise SettingError(f"--vary {text}: write a setting and its values, as in style_weight=1,10,100")
    parts = [part.strip() for part in (rest.split(";") if ";" in rest else rest.split(","))]
    if ";" in rest and len(parts) > 1 and not parts[-1]:
        parts.pop()  # `a,b;` is one value with a comma in it
    if not all(parts) and not _may_be_empty(name):
        raise SettingError(f"--vary {text}: a value is missing")
    return axis_of(name, [_value(name, part, style) for part in parts], parts)


def axis_of(name: str, values: Sequence[Any], written: Sequence[str] = ()) -> Axis:
    """Values, as a `Request` has them, as an axis. written: how they were typed, to tell apart what has the same label.

    Raises SettingError.
    """
    name = _name(name)
    if not values:
        raise SettingError(f"--vary {name}: a value is missing")
    values = tuple(values if name in FIELDS else (_fitting(name, value) for value in values))
    labels = tuple(_label(name, value) for value in values)
    for label in labels:
        if labels.count(label) > 1 and values.count(values[labels.index(label)]) > 1:
            raise SettingError(f"--vary {name}: {label} is there twice")
    if len(set(labels)) < len(labels):  # paintings of one name in several folders
        labels = tuple(written) or tuple(f"{label} ({i})" for i, label in enumerate(labels, 1))
    return Axis(name, values, labels)


def _name(option: str) -> str:
    return option.strip().lstrip("-").replace("-", "_")


def shares(styles: Sequence[str], steps: int) -> list[Axis]:
    """The way from one style to another, or all mixtures of three: what is varied is how much there is of each.

    steps: pictures from one style alone to another one alone. Raises SettingError for fewer than 2, and other than 2 or 3 styles.
    """
    if len(styles) not in (2, 3):
        raise SettingError(f"a blend is of two styles, or of three: not of {len(styles)}")
    if not 2 <= steps <= 101:
        raise SettingError(f"--steps {steps}: must be from 2 to 101")
    values = tuple(round(i / (steps - 1), 6) for i in range(steps))
    names = [named(name) for name in styles]
    if len(styles) == 2:
        return [Axis("share", values, tuple(f"{1 - v:.0%} {names[0]}\n{v:.0%} {names[1]}" for v in values), 1)]
    return [Axis("share", values, tuple(f"{v:.0%} {names[i]}" for v in values), i) for i in (1, 2)]


def _value(name: str, text: str, style: Callable[[str], Style]) -> Any:
    """A value as a request has it. Raises SettingError."""
    parts = [part.strip() for part in text.split(TOGETHER)]
    match name:
        case "style":
            return tuple(style(part) for part in parts)
        case "mask" | "style_regions":
            return () if parts == [NONE] else tuple("" if part == NONE and name == "style_regions" else part for part in parts)
        case "regions" | "blend":
            return "" if text == NONE else text
        case "feather":
            return None if text == AUTO else _number(name, float, text)
        case "seed" | "size":
            return _number(name, int, text)
        case "engine" if text not in ("auto", *ENGINES):
            raise SettingError(f"--vary engine={text}: choose from {', '.join(ENGINES)}")
        case "recipe" | "device" | "engine":
            return text
    return _fitting(name, text, lambda type_: text if type_ is str else _number(name, type_, text))


def _fitting(name: str, value: Any, typed: Callable[[type[Any]], Any] | None = None) -> Any:
    """A setting's value, where some engine takes it. typed: gives it as a type. Raises SettingError."""
    first: SettingError | None = None
    for option, type_ in _declared(name):  # of one name, engines may have different bounds and types
        try:
            fitting = parse_layers(value) if name.endswith("_layers") else typed(type_) if typed else value
            check(option, type_, fitting)
            return fitting
        except SettingError as error:
            first = first or error
    assert first is not None
    raise first


def _declared(name: str) -> list[tuple[dataclasses.Field[Any], type[Any]]]:
    """The declarations of a setting, one or more. Raises SettingError for what is none."""
    if name in UNVARIED:
        raise SettingError(f"--vary {name}: {UNVARIED[name]}")
    found = [options(kind)[name] for kind in ENGINES.values() if name in options(kind)]
    if not found:
        there = [*FIELDS, *dict.fromkeys(each for kind in ENGINES.values() for each in options(kind))]
        close = difflib.get_close_matches(name, there, 3, 0.6)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(there)}"
        raise SettingError(f"--vary {name}: there is no such setting: {hint}")
    return found


def _may_be_empty(name: str) -> bool:
    """Whether no value is one too, as of a recipe."""
    return name == "recipe" or (name not in FIELDS and any(option.default == "" for option, _ in _declared(name)))


def _number(name: str, kind: type[Any], text: str) -> Any:
    if kind is bool:
        known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
        if text.lower() not in known:
            raise SettingError(f"--vary {name}={text}: write true or false")
        return known[text.lower()]
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise SettingError(f"--vary {name}={text}: must be {what}") from None


def _label(name: str, value: Any) -> str:
    if name == "style":
        return TOGETHER.join(named(style.source) + (f" @{style.region}" if style.region else "") for style in value)
    if name in ("mask", "style_regions"):
        return TOGETHER.join(named(each) if each else NONE for each in value) or NONE
    if name in ("regions", "blend"):
        return named(value) if value else NONE
    if value is None:
        return AUTO
    if isinstance(value, Mapping):
        return ", ".join(layer if weight == 1 else f"{layer}={weight:g}" for layer, weight in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if value == "":
        return "default" if name == "recipe" else "empty"
    return Path(value).stem if isinstance(value, str) and "/" in value else str(value)


def named(source: str) -> str:
    """A style or a map in a few words: its file without folder and suffix."""
    source = public(source)
    return Path(source).stem if "/" in source or Path(source).suffix else source


# What there will be ---------------------------------------------------------------------------------------------------


def planned(
    common: Mapping[str, Any], axes: Sequence[Axis], folder: Path, *, limits: Limits = Limits(), report: Report = silent
) -> tuple[Variant, ...]:
    """Every picture there is to be, the last axis first in rank, checked as far as can be without painting; those that an earlier call
    painted are known by the request in them, their settings in full, and the pictures they were made from.

    common: fields of a `Request`, those that all have in common, content among them. Raises SettingError, SourceError, ImageError,
    TargetError.
    """
    for one, other in itertools.combinations(axes, 2):
        if (one.name, one.of) == (other.name, other.of):
            raise SettingError(f"--vary {one.name} is given twice: give all its values at once")
    for each in axes:
        _check_free(common, each)
    if {"share", "blend"} <= {each.name for each in axes}:
        raise SettingError("--blend varies how much there is of each style, and --vary blend where each is: give one of them")
    count = math.prod(len(each.values) for each in axes)
    if count > MOST:
        raise SettingError(f"{count} pictures are more than the {MOST} that fit a sheet: vary less")
    common = {"task": task_of(common, axes), **common}
    requests = {}
    for place in itertools.product(*(range(len(each.values)) for each in reversed(axes))):
        place = tuple(reversed(place))
        if (varied := _varied(common, axes, place)) is not None:
            requests[place] = varied
    if any(STANDARD in names_read(request) for request in requests.values()):
        raise SourceError("pictures are opened many times here, and standard input can be read once: give a file")
    photo = open_still(common["content"], limits, report)
    own = min(SIZE, max(photo.size))
    seen = _print(photo)
    opened: dict[Any, str] = {}
    known = _records(folder)
    variants = []
    for place, varied in requests.items():
        varied = varied if varied.size is not None else dataclasses.replace(varied, size=own)
        full = checked(varied)
        for style in varied.styles:
            if style.source not in opened:
                opened[style.source] = _print(open_style(style.source, limits, report))
        inputs = [seen, *(opened[style.source] for style in varied.styles)]
        if varied.regions or varied.masks or varied.blend:
            key = (varied.styles, varied.regions, varied.masks, varied.style_regions, varied.blend, varied.size, varied.seed)
            if key not in opened:
                opened[key] = _laid(varied, photo, limits, report)
            inputs.append(opened[key])
        labels = {_title(each, axes): each.labels[i] for each, i in zip(axes, place, strict=True)}
        path = folder / _file(axes, place, varied, full, inputs)
        variants.append(_known(Variant(place, labels, varied, path), known.get(path.name)))
    with beforehand():
        if folder.is_dir():
            check_place(folder / RECORDS)
        else:
            check_place(folder)
    check_derived([str(variant.path) for variant in variants])
    return tuple(variants)


def task_of(common: Mapping[str, Any], axes: Sequence[Axis]) -> str:
    """What is explored: to draw, where no style is given and all that is given or varied belongs to drawing; else to stylize."""
    engine = common.get("engine", "auto")
    names = [*(each.name for each in axes), *common.get("settings", {})]
    if common.get("styles") or engine in ("instant", "optimize") or {"share", "style"} & set(names):
        return "stylize"
    if "engine" in names:
        return "draw" if all(each.values == ("primitives",) for each in axes if each.name == "engine") else "stylize"
    shared = ("engine", "size", "seed", "device")  # which drawing has as well
    others = [name for name in names if name not in options(DrawSettings) and name not in shared]
    own = [name for name in names if name in options(DrawSettings)]
    return "draw" if engine == "primitives" or (own and not others) else "stylize"


def names_read(request: Request) -> list[str]:
    """All that a request reads by name: pictures, styles, and settings that may be files."""
    settings = [str(value) for name, value in request.settings.items() if name in PLACES]
    return [str(request.content), *(style.source for style in request.styles), *places_read(request), *settings]


def _laid(request: Request, photo: Image, limits: Limits, report: Report) -> str:
    """What tells where the styles go from other places for them, all found to go together. Raises SettingError, SourceError, ImageError."""
    paintings = [open_style(style.source, limits) for style in request.styles]
    if request.chosen == "optimize":
        paintings = [as_picture(painting) for painting in paintings]
    where = open_places(request, limits)
    content = at_size(photo, request.size, limits=limits)
    laid_out(request, content, paintings, where, photo=photo, report=report)
    maps = [where.regions, where.blend, *(mask for _, mask in where.masks), *where.style_regions]
    return " ".join(_print(each) if isinstance(each, Image) else str(each) for each in maps)


def _check_free(common: Mapping[str, Any], axis: Axis) -> None:
    """Raise SettingError where what is varied is also given for all."""
    field_ = FIELDS.get(axis.name, axis.name)
    default = {each.name: each.default for each in dataclasses.fields(Request)}
    given = field_ in common and common[field_] != default.get(field_)
    if axis.name in common.get("settings", {}) or (axis.name in FIELDS and given):
        raise SettingError(f"--vary {axis.name} and --{axis.name.replace('_', '-')} do not go together: give one of them")


def _varied(common: Mapping[str, Any], axes: Sequence[Axis], place: Sequence[int]) -> Request | None:
    """The request of one picture, with the engine that does it; None where shares would be more than all."""
    parts: dict[str, Any] = {**common, "settings": dict(common.get("settings", {}))}
    weights: dict[int, float] = {}
    for each, i in zip(axes, place, strict=True):
        value = each.values[i]
        if each.name == "share":
            weights[each.of] = value
        elif each.name in FIELDS:
            parts[FIELDS[each.name]] = value
        else:
            parts["settings"][each.name] = value
    if weights:
        weights[0] = round(1 - sum(weights.values()), 6)
        if weights[0] < 0:
            return None
        parts["styles"] = tuple(dataclasses.replace(style, weight=weights[i]) for i, style in enumerate(parts["styles"]))
    if parts.get("engine") == "primitives" or parts["task"] == "draw":
        # drawn without a painting: a request of its own kind
        parts = {"task": "draw", **{name: parts[name] for name in ("content", "settings", "size", "seed") if name in parts}}
    varied = Request(**parts)
    return dataclasses.replace(varied, engine=varied.chosen)


def checked(request: Request) -> AnySettings:
    """The settings in full, after all that can be refused of a request without opening its pictures. Raises SettingError, SourceError."""
    full = settled(request)
    if request.size is not None and request.size < 1:
        raise SettingError(f"--size {request.size}: must be at least 1")
    if isinstance(full, InstantSettings):
        refuse(request, Outputs("cell.png"), full)
    if not isinstance(full, Settings):
        return full
    if not request.styles:
        raise SettingError("give a --style: a painting's file, or a name from `atelier styles`")
    for name in ("features", "warm_features"):
        network = getattr(full, name)
        if network and network not in NETWORKS and not Path(network).expanduser().exists():
            raise SettingError(f"--{name.replace('_', '-')} {network}: there is {', '.join(NETWORKS)}, or the path of a safetensors file")
    start = full.start
    if start not in STARTS and "://" not in start and not Path(start).is_file():
        raise SourceError(f"--start {start}: there is no such file; without one there are {', '.join(STARTS)}")
    try:
        from atelier.perception.network import layer_name
    except ModuleNotFoundError:  # PyTorch, which whoever paints misses too and speaks of
        return full
    for layers in (full.content_layers, full.style_layers):
        for layer in layers:
            layer_name(layer)
    return full


def _file(axes: Sequence[Axis], place: Sequence[int], request: Request, full: AnySettings, inputs: Sequence[str]) -> str:
    """The name of a picture: what is varied, and a digest of all that it comes of."""
    files = [_digest(str(value)) for name, value in request.settings.items() if name in PLACES]
    whole = [request.to_json(), dataclasses.asdict(full), inputs, files, atelier.__version__]
    digest = hashlib.sha256(json.dumps(whole, default=plain, sort_keys=True).encode()).hexdigest()[:10]
    words = "_".join(each.head(i) for each, i in zip(axes, place, strict=True))
    return f"{re.sub(r'[^0-9A-Za-z.=+-]+', '-', words).strip('-.')[:100]}-{digest}.png"


def _print(painting: Painting) -> str:
    """What tells a picture, or a style by name, from another; in a map what is transparent is the background, and its text has names."""
    if isinstance(painting, Image):
        told = hashlib.sha256(repr((painting.shape, painting.text.get(KEY))).encode() + painting.pixels.tobytes())
        told.update(b"" if painting.alpha is None else painting.alpha.tobytes())
        return told.hexdigest()
    return hashlib.sha256(painting.numbers.tobytes() + painting.colours.mean.tobytes() + painting.swatch).hexdigest()


def _digest(path: str) -> str:
    """Of a file's bytes; empty where it is none."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16] if path and Path(path).is_file() else ""
    except (OSError, ValueError):
        return ""


def _records(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / RECORDS).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _known(variant: Variant, record: Any) -> Variant:
    """The variant as an earlier call left it: painted, where its picture is there and says that it is of this very request."""
    record = record if isinstance(record, dict) else {}
    if not variant.path.is_file() or _state(variant.path).exists() or record.get("finished") is False:
        return variant
    try:
        if embedded(str(variant.path)) != Request.from_json(variant.request.without_secrets().to_json()):
            return variant
        losses = {str(name): float(value) for name, value in dict(record.get("losses", {})).items()}
        seconds, iterations = float(record.get("seconds", 0.0)), int(record.get("iterations", 0))
    except (AtelierError, TypeError, ValueError):
        return variant
    return dataclasses.replace(variant, state="painted", seconds=seconds, iterations=iterations, losses=losses, before=True)


def _state(path: Path) -> Path:
    """Where a picture's checkpoint is, while it is painted."""
    return path.with_suffix(".state")


def _title(axis: Axis, axes: Sequence[Axis]) -> str:
    return axis.title if axis.name != "share" or sum(each.name == "share" for each in axes) == 1 else f"share {axis.of}"


# Painting -------------------------------------------------------------------------------------------------------------


def explore(
    variants: Sequence[Variant], *, limits: Limits = Limits(), report: Report = silent, explained: Explained = told
) -> tuple[Variant, ...]:
    """All variants, painted, but for those that are there. One that fails keeps its error, and the rest go on.

    explained: what to say of an error, None of one that is to be raised. A report that raises Cancelled ends the work: the variant at
    hand is `stopped`, to be gone on with by another call where it was painted by optimisation, and those after it are `waiting`. Raises
    OutputError where pictures cannot be written at all.
    """
    done = list(variants)
    missing = [i for i, variant in enumerate(variants) if variant.state != "painted"]
    if missing and len(missing) < len(variants):
        report(Progress("exploring", note=f"{len(variants) - len(missing)} of {len(variants)} pictures are there already"))
    for folder in {variants[i].path.parent for i in missing}:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{folder} cannot be made: {error.strerror or error}") from error
    with one_engine():  # models are opened once, and not anew for every picture
        for count, i in enumerate(missing):
            variant = variants[i]
            words = ", ".join(label.replace("\n", ", ") for label in variant.labels.values())
            try:
                made = _make(variant, limits, _within(report, f"{count + 1} of {len(missing)} ({words})", count, len(missing)))
            except Cancelled:
                break
            except OutputError:  # the next one would fare no better
                raise
            except Exception as error:
                what = explained(error)
                if what is None:
                    raise
                done[i] = dataclasses.replace(variant, state="failed", error=what[0], exit_code=what[1])
                continue
            state = "painted" if made.finished else "stopped"
            done[i] = dataclasses.replace(variant, state=state, seconds=made.seconds, iterations=made.iterations, losses=dict(made.losses))
            _record(done[i])
            if not made.finished:
                break
    return tuple(done)


def _make(variant: Variant, limits: Limits, report: Report) -> Made:
    """The engine's own way, from the request to the file."""
    request, outputs = variant.request, Outputs(str(variant.path))
    match request.chosen:
        case "primitives":
            return make_drawing(request, outputs, limits=limits, report=report)
        case "instant":
            return make_instant(request, outputs, limits=limits, report=report)
        case _:
            outputs = dataclasses.replace(outputs, checkpoint=str(_state(variant.path)))
            return make_painting(request, outputs, limits=limits, report=report)


def _within(report: Report, what: str, done: int, total: int) -> Report:
    """A report that counts pictures, for the report of one of them."""
    report(Progress(what, done, total))

    def passed_on(progress: Progress) -> None:
        where = f", {progress.step}/{progress.total}" if progress.total else ""
        report(dataclasses.replace(progress, stage=f"{what}: {progress.stage}{where}", step=done, total=total, preview=None))

    return passed_on


def _record(variant: Variant) -> None:
    """Keep what a picture does not say of itself."""
    path = variant.path.parent / RECORDS
    entry = {
        "finished": variant.state == "painted", "seconds": round(variant.seconds, 3), "iterations": variant.iterations,
        "losses": variant.losses, "varied": variant.labels, "command": command(variant.request, "out.png"),
    }  # fmt: skip
    found = {**_records(path.parent), variant.path.name: entry}
    atomic_write(json.dumps(found, ensure_ascii=False, indent=1, default=plain).encode(), path)


def judged(variants: Sequence[Variant], panel: Panel, *, limits: Limits = Limits(), report: Report = silent) -> tuple[Variant, ...]:
    """The variants with what a panel says of them: of those with one painting to be held against, which goes everywhere: the panel looks
    at all of a picture. Stopping it costs no picture."""
    panels: dict[tuple[str, int], Callable[[Path], Any]] = {}
    found = list(variants)
    for i, variant in enumerate(variants):
        styles = [style for style in variant.request.styles if style.weight > 0]
        if not variant.there or len(styles) != 1 or variant.request.content is None:
            continue
        try:
            if variant.request.regions or variant.request.masks:
                report(Progress("judging", note=f"{variant.path.name} is not judged: it is painted in parts, and numbers are of the whole"))
                continue
            source, size = styles[0].source, min(JUDGED_AT, variant.request.size or JUDGED_AT)
            if (source, size) not in panels:
                panels[source, size] = panel(variant.request.content, as_picture(open_style(source, limits)), size)
            verdict = panels[source, size](variant.path)
            report(Progress("judging", i + 1, len(variants)))
        except Cancelled:
            break
        except AtelierError as error:  # too small to be judged, or a style without a picture
            report(Progress("judging", note=f"{variant.path.name} is not judged: {error}"))
            continue
        numbers = {words: value for name, words in JUDGED.items() if (value := getattr(verdict, name)) is not None}
        found[i] = dataclasses.replace(variant, judged=numbers)
    return tuple(found)


# Showing --------------------------------------------------------------------------------------------------------------


def arranged(variants: Sequence[Variant], axes: Sequence[Axis], cells: Callable[[Variant], Cell]) -> list[Block]:
    """The variants in tables: the first axis across, the second down, and a table for every combination of the others."""
    at = {variant.place: variant for variant in variants}
    if not axes:
        return [Block([""], [("", [cells(variant) for variant in variants])])]
    across, down, more = axes[0], axes[1] if len(axes) > 1 else None, axes[2:]
    if down is None:
        width = len(across.values)
        if width > ACROSS:  # rows of about the same length, wider than high
            width = -(-width // -(-width // ACROSS))
        spans = [range(start, min(start + width, len(across.values))) for start in range(0, len(across.values), width)]
        return [Block([across.head(i) for i in span], [("", [cells(at[(i,)]) for i in span])]) for span in spans]
    blocks = []
    for rest in itertools.product(*(range(len(each.values)) for each in reversed(more))):
        rest = tuple(reversed(rest))
        rows = [
            (down.head(j), [cells(at[place]) if (place := (i, j, *rest)) in at else None for i in range(len(across.values))])
            for j in range(len(down.values))
        ]
        heading = ", ".join(each.head(k).replace("\n", ", ") for each, k in zip(more, rest, strict=True))
        blocks.append(Block([across.head(i) for i in range(len(across.values))], rows, heading))
    return blocks


def sheet_of(variants: Sequence[Variant], axes: Sequence[Axis], *, side: int = 256, limits: Limits = Limits()) -> Image:
    """All variants on one labelled picture; those that are not there say why. side: of the pictures on it, px at the most."""

    def cell(variant: Variant) -> Cell:
        words = caption(variant, [each for each in axes if each.name == "share"])
        if variant.there:
            return Cell(open_still(variant.path, limits), words)
        if variant.state == "failed":
            return Cell(None, variant.error, "not painted", alarm=True)
        return Cell(None, "", "not yet painted")

    title, subtitle = described(variants)
    return grid_sheet(arranged(variants, axes, cell), title=title, subtitle=subtitle, side=side, limits=limits)


def caption(variant: Variant, blended: Sequence[Axis] = ()) -> str:
    """Losses and time under a picture; of more than two styles their shares too."""
    words = []
    if len(blended) > 1:
        words.append(", ".join(f"{style.weight:.0%} {named(style.source)}" for style in variant.request.styles if style.weight))
    words += [
        " · ".join(f"{name} {value:.3g}" for name, value in numbers.items() if name != "total")
        for numbers in (variant.losses, variant.judged)
    ]
    words.append(f"{variant.seconds:.1f} s" if variant.state == "painted" else f"stopped after {variant.seconds:.1f} s")
    return "\n".join(filter(None, words))


def described(variants: Sequence[Variant]) -> tuple[str, str]:
    """A title, and what all variants have in common."""
    first = variants[0].request
    same = [word for name, word in _words(first).items() if all(_words(each.request).get(name) == word for each in variants)]
    return Path(str(first.without_secrets().content)).name, " · ".join(same)


def _words(request: Request) -> dict[str, str]:
    """What a request asks for, in words, by name."""
    full = dataclasses.asdict(settled(request))
    words = (
        {"style": "in the style of " + " and ".join(named(s.source) for s in request.without_secrets().styles)} if request.styles else {}
    )
    words |= {"engine": f"engine {request.chosen}"}
    for name, field_ in FIELDS.items():
        if name in ("regions", "mask", "style_regions", "feather", "blend") and (value := getattr(request, field_)) not in ("", (), None):
            words[name] = f"{name.replace('_', ' ')} {_label(name, value)}"
    words |= {"recipe": f"recipe {request.recipe or 'default'}"} if request.chosen == "optimize" else {}
    words |= {name: f"{name.replace('_', ' ')} {_label(name, full[name])}" for name in request.settings if full[name] != ""}
    words |= {"size": f"{request.size} px"} if request.size else {}
    return words | ({"seed": f"seed {request.seed}"} if request.seed else {})


# Commands -------------------------------------------------------------------------------------------------------------


def command(request: Request, out: str) -> str:
    """The line that makes the picture of a request to stylize or to draw, quoted for a shell. Secrets of URLs are left out."""
    import shlex

    request = request.without_secrets()
    words = ["atelier", request.task, _argument(str(request.content))]
    for style in request.styles:
        words += ["--style", styled(style, alone=len(request.styles) == 1)]
    if request.task == "stylize":
        words += ["--engine", request.chosen]
    default = {each.name: each.default for each in dataclasses.fields(Request)}
    for name in ("recipe", "size", "seed", "device", "regions", "feather", "blend"):
        if (value := getattr(request, name)) != default[name]:
            words += [f"--{name}", _plainly(value)]
    for flag, maps in (("--mask", request.masks), ("--style-regions", request.style_regions)):
        for name in maps:
            words += [flag, name]
    for name, value in request.settings.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, Mapping):
            words += [flag, ",".join(f"{layer}={_plainly(weight)}" for layer, weight in value.items())]
        else:
            words += [flag, _plainly(value)]
    return shlex.join([*words, "--out", _argument(out)])


def styled(style: Style, alone: bool = False) -> str:
    """A style as `--style` takes it. alone: whether it is the only one, whose weight of 1 goes without saying."""
    how = [f"{name}={_plainly(value)}" for name in ("size", "rotate", "strokes") if (value := getattr(style, name)) != getattr(PLAIN, name)]
    weight = f"={_plainly(style.weight)}" if style.weight != 1 or not alone else ""
    words = f"{style.source}{weight}{f'@{style.region}' if style.region else ''}"
    return ",".join([words, *how])


def _argument(name: str) -> str:
    """A name that no command takes for an option."""
    return f"./{name}" if name.startswith("-") else name


def _plainly(value: Any) -> str:
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else str(value)
