"""Many pictures: explore, compare."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from atelier import run
from atelier.api.filing import Filing
from atelier.api.given import Painting, Picture, path_of
from atelier.api.keywords import with_keywords
from atelier.errors import SettingError
from atelier.image import Limits
from atelier.image.regions import Regions
from atelier.media import write_still
from atelier.progress import Report, silent
from atelier.run.values import as_image

if TYPE_CHECKING:
    from atelier.api.settings import ExploreSettings
    from atelier.judging.difference import Comparison
    from atelier.run.explore import Exploration


@with_keywords("stylize")
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
    keep_flat: bool = False,
    engine: str = "auto",
    recipe: str = "",
    effort: str = "",
    size: int | None = None,
    seed: int = 0,
    device: str = "auto",
    limits: Limits = Limits(),
    report: Report = silent,
    **settings: Unpack[ExploreSettings],
) -> Exploration:
    """Paint a photo in every combination of what is varied: `explore(photo, painting, vary={"style_weight": [1, 10, 100]})`.

    vary: for each setting of an engine (`style_weight`, `color`, ...), or one of style, regions, mask, style_regions, feather, blend,
    keep_flat, engine, effort, recipe, size, seed and device, its values, each as `stylize` takes it: of `style` a painting, or a list
    of those of one picture; of `mask` one, or a list with one for each style. None is none: no mask, no map, the feather that suits.
    Without a style, what only drawing has is drawn. between: two paintings, to paint the way from one to the other in so many `steps`,
    or three, to paint all mixtures of them.
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

    varied = dict(vary or {})
    _check_varied(varied, between, style)
    targets = [Path(each) for each in ([out] if isinstance(out, (str, Path)) else out)]
    sheets = Sheets(tuple(targets), side=side)
    sheets.check(())  # before pictures are written into the folder
    kept = None if cells is not None or targets else tempfile.mkdtemp(prefix="atelier-")
    folder = Path(cells or kept or targets[0].with_name(f"{targets[0].stem}-cells"))
    try:
        files = Filing(folder, limits)
        alone = bool(settings.get("model")) or not (between or _is_given(style))
        styles = () if alone else files.styles(list(between) or style)
        common = {
            "content": files.picture(photo), "styles": styles, "recipe": recipe, "size": size, "seed": seed, "device": device,
            "engine": engine, "settings": {name: files.value(name, value) for name, value in settings.items()},
            "regions": files.map(regions), "masks": files.masks(masks), "style_regions": files.maps(style_regions), "feather": feather,
            "blend": files.picture(blend), "keep_flat": keep_flat, "effort": effort,
        }  # fmt: skip
        axes = blend_axes([each.source for each in styles], steps) if between else []
        axes += [build_axis(name, [files.value(name, value) for value in values]) for name, values in varied.items()]
        explored = make(common, axes, folder, sheets, judged=judge, limits=limits, report=report)
    except BaseException:
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise
    if kept is not None:
        weakref.finalize(explored, shutil.rmtree, kept, ignore_errors=True)
    return explored


def _is_given(style: Any) -> bool:
    return not (isinstance(style, tuple) and not style)


def _check_varied(varied: Mapping[str, Sequence[Any]], between: Sequence[Painting], style: Any) -> None:
    """Raise SettingError where nothing is varied, not by lists, or between styles that are given twice."""
    if between and _is_given(style):
        raise SettingError("style", "`between` names its styles: give no `style` with it")
    for name, values in varied.items():
        if isinstance(values, (str, Mapping)) or not isinstance(values, (Sequence, np.ndarray)):
            raise SettingError("vary", f"{name} is given a list of values, not {values!r}")
    if not varied and not between:
        raise SettingError("vary", 'say what to vary, as in vary={"style_weight": [1, 10, 100]}, or give between two paintings')


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
    """How and where pictures differ from the first of them: `compare([a, b]).differences[0].color`.

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
        raise SettingError("content", "`content` and `style` go together: pictures are judged between the two")
    if not isinstance(pictures, (Mapping, Sequence)) or isinstance(pictures, str):
        raise SettingError("pictures", "give a list of pictures, or a mapping of names to them")
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
