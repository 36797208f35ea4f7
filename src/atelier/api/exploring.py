"""Many pictures: explore, compare."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atelier import run
from atelier.api.given import Painting, Picture, path_of, read_styles
from atelier.errors import SettingError, TargetError
from atelier.image import Image, Limits, encode
from atelier.image.maps import write_map
from atelier.image.regions import Regions
from atelier.media import atomic_write, write_still
from atelier.progress import Report, silent
from atelier.request import Style
from atelier.run.values import as_image, as_map, as_mask

if TYPE_CHECKING:
    from atelier.judging.difference import Comparison
    from atelier.run.explore import Exploration


def explore(
    photo: Picture,
    style: Painting | Sequence[Painting] | Mapping[str, Painting | Sequence[Painting]] = (),
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    between: Sequence[Painting] = (),
    steps: int = 7,
    out: str | Path | Sequence[str | Path] = (),
    cells: str | Path | None = None,
    side: int = 256,
    judge: bool | None = None,
    regions: Picture | Regions | None = None,
    masks: Picture | Sequence[Picture] = (),
    style_regions: Picture | Regions | Sequence[Picture | Regions | None] = (),
    feather: float | None = None,
    blend: Picture = "",
    engine: str = "auto",
    recipe: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Any,
) -> Exploration:
    """Paint a photo in every combination of what is varied: `explore(photo, painting, vary={"style_weight": [1, 10, 100]})`.

    vary: for each setting of an engine (`style_weight`, `color`, ...), or one of style, regions, mask, style_regions, feather, blend,
    engine, recipe, size, seed and device, its values, each as `stylize` takes it: of `style` a painting, or a list of those of one
    picture; of `mask` one, or a list with one for each style. None is none: no mask, no map, the feather that suits. Without a style,
    what only drawing has is drawn. between: two paintings, to paint the way from one to the other in so many `steps`, or three, to
    paint all mixtures of them.
    out: a sheet to write (a picture), a page (.html), or both. cells: folder of the pictures, each a file with its request in it, where
    those of an earlier call are found again; beside the first `out` unless told, and without one kept only as long as what is returned.
    Pictures that were not given by path are written there too, as PNG of 16 bits. side: of a picture on the sheet, px at the most.
    judge: whether style and content are judged; if None, for a page. size: long side of each picture, px; if None, 512 or a smaller
    photo's own. The rest is as for `stylize`, holds for all pictures, and is not varied besides.

    What is returned has a variant for each picture: `image`, `labels`, `losses`, `judged`, `seconds`, `command`, and `state`, which is
    "failed" with an `error` where one could not be painted: the others are painted all the same. `figures()` has the numbers as rows,
    `sheet()` and `page()` show it. A report that raises Cancelled ends the work, and what is painted is returned. Raises AtelierError
    before anything is painted for what makes no sense.
    """
    from atelier.run.explore import Sheets, blend_axes, build_axis
    from atelier.run.explore import explore as make

    targets = [Path(each) for each in ([out] if isinstance(out, (str, Path)) else out)]
    sheets = Sheets(tuple(targets), side=side)
    sheets.check(())  # before pictures are written into the folder
    kept = None if cells is not None or targets else tempfile.mkdtemp(prefix="atelier-")
    folder = Path(cells or kept or targets[0].with_name(f"{targets[0].stem}-cells"))
    try:
        filed = partial(_filed, folder=folder, limits=limits)
        if between and not (isinstance(style, tuple) and not style):
            raise SettingError("between names its styles: give no style with it")
        alone = bool(settings.get("model")) or (isinstance(style, tuple) and not style and not between)
        styles = () if alone else tuple(_filed_style(each, filed) for each in read_styles(list(between) or style))
        axes = blend_axes([each.source for each in styles], steps) if between else []
        for name, values in (vary or {}).items():
            if isinstance(values, (str, Mapping)) or not isinstance(values, (Sequence, np.ndarray)):
                raise SettingError(f"vary: {name} is given a list of values, not {values!r}")
            axes.append(build_axis(name, [_varied(name, value, filed) for value in values]))
        if not axes:
            raise SettingError('say what to vary, as in vary={"style_weight": [1, 10, 100]}, or give between two paintings')
        common = {
            "content": filed(photo), "styles": styles, "recipe": recipe, "size": size, "seed": seed, "device": device, "engine": engine,
            "settings": {name: filed(value) if name in run.file_settings() else value for name, value in settings.items()},
            "regions": filed(regions, mapped=True), "masks": _several(masks, lambda mask: filed(as_mask(mask))),
            "style_regions": _several(style_regions, partial(filed, mapped=True)), "feather": feather, "blend": filed(blend),
        }  # fmt: skip
        explored = make(common, axes, folder, sheets, judged=judge, limits=limits, report=report)
    except BaseException:
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise
    if kept is not None:
        weakref.finalize(explored, shutil.rmtree, kept, ignore_errors=True)
    return explored


def compare(
    pictures: Sequence[Picture] | Mapping[str, Picture],
    *,
    content: Picture | None = None,
    style: Picture | None = None,
    out: str | Path | None = None,
    side: int = 320,
    size: int = 512,
    features: str = "auto",
    seed: int = 0,
    limits: Limits = Limits(),
    report: Report = silent,
) -> Comparison:
    """How and where pictures differ from the first of them: `compare([a, b]).differences[0].colour`.

    pictures: two or more, or by name; those of another size are brought to that of the first. content, style: photo and painting that
    they are judged between, in `verdicts`, at a long side of `size` px by the network `features` (see `atelier.judging.Judge`). out: a
    sheet to write, which `sheet(side)` gives as an Image: all side by side, and under each where it differs, each `side` px at the most.
    Raises AtelierError.
    """
    from atelier.judging import Judge
    from atelier.judging.difference import compared
    from atelier.media import check_target
    from atelier.run.targets import beforehand

    if (content is None) != (style is None):
        raise SettingError("content and style go together: pictures are judged between the two")
    given = list(pictures.values()) if isinstance(pictures, Mapping) else list(pictures)
    if out is not None:
        with beforehand():
            check_target(out)
        read = [path for each in (*given, content, style) if (path := path_of(each)) and "://" not in path]
        run.check_apart([("out", str(out))], read)
    if isinstance(pictures, Mapping):
        labels = list(map(str, pictures))
    else:
        labels = [Path(path).stem if (path := path_of(each)) else f"picture {at}" for at, each in enumerate(given, 1)]
        labels = [label if labels.count(label) == 1 else f"{label} {at}" for at, label in enumerate(labels, 1)]
    opened = [(label, as_image(each, limits)) for label, each in zip(labels, given, strict=True)]
    judge = None
    if content is not None and style is not None:
        ends = as_image(content, limits), as_image(style, limits)
        judge = Judge(*ends, size=size, features=features, seed=seed, limits=limits, report=report)
    found = compared(opened, judge, report=report)
    if out is not None:
        write_still(found.sheet(side), out)
    return found


def _filed(given: Any, *, folder: Path, limits: Limits, mapped: bool = False) -> str:
    """The path or word given, or that of the picture in the folder, written unless it is there; "" for none. mapped: whether whole
    numbers are a map's."""
    if given is None or isinstance(given, (str, Path)):
        return _named(given)
    opened = as_map(given, limits) if mapped else as_image(given, limits)
    depth = 16 if isinstance(opened, Image) else 8
    picture = write_map(opened) if isinstance(opened, Regions) else Image(opened.pixels, alpha=opened.alpha)
    held = encode(picture, "png", depth=depth)
    path = folder / f"given-{hashlib.sha256(held).hexdigest()[:12]}.png"
    if not path.exists():
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{folder} cannot be made: {error.strerror or error}") from error
        atomic_write(held, path)
    return str(path)


def _several(given: Any, file: Callable[[Any], str]) -> tuple[str, ...]:
    return tuple(map(file, given if isinstance(given, (list, tuple)) else [given] if _named(given) else []))


def _filed_style(given: tuple[Any, Style], file: Callable[[Any], str]) -> Style:
    picture, style = given
    return style if path_of(picture) else dataclasses.replace(style, source=file(picture))


def _varied(name: str, value: Any, file: Callable[..., str]) -> Any:
    """A value to vary, as a request has it."""
    match name.replace("-", "_"):
        case "style":
            return tuple(_filed_style(each, file) for each in read_styles(value))
        case "mask":
            return _several(value, lambda mask: file(as_mask(mask)))
        case "style_regions":
            return _several(value, partial(file, mapped=True))
        case "regions":
            return file(value, mapped=True)
        case "blend":
            return file(value)
        case setting if setting in run.file_settings():
            return file(value)
        case _:
            return value


def _named(given: Any) -> str:
    """What a request calls a map or another picture: its path or word, or "given"; "" where there is none."""
    if given is None or (isinstance(given, str) and not given):
        return ""
    return str(given) if isinstance(given, (str, Path)) else "given"
