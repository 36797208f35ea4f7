"""What is asked for, as a plain frozen value. Nothing is opened or loaded here."""

from __future__ import annotations

import dataclasses
import json
import numbers
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atelier.errors import SettingError
from atelier.request.options import REQUIRED, check_all, is_a, option
from atelier.request.settings import FORMER
from atelier.request.style import Style

TASKS = ("stylize", "texture", "reconstruct", "draw")
"""What can be asked for: content and styles; styles alone; content alone, twice."""
EFFORTS = ("fast", "good", "best")
REGIONS = "Colour-coded map of the photo's regions, or auto (object, background), or auto:5. A region without a style stays the photo"
ENGINE = (
    "What paints: instant (trained networks, seconds), optimize (slower, better), or auto: of one photo optimize, where PyTorch is "
    "installed, of all else instant, unless an option asks for the other"
)
EFFORT = "How much work a picture is worth: fast, trained networks; good, the optimiser; best, the optimiser with VGG-19, for minutes"
MESHES = (".obj", ".ply", ".stl", ".glb", ".gltf")
"""Suffixes of meshes."""
WHAT = ("texture", "shape", "both")
"""What of a mesh is painted."""
MESH: dict[str, Any] = {"group": "look", "advanced": True}
TEMPORAL = ("off", "fast", "best")
"""How frames of a film are kept alike: not at all, by quick optical flow, by careful flow."""
WHERE: dict[str, Any] = {"group": "style", "advanced": True}


@dataclass(frozen=True)
class Request:
    """One picture to make.

    task: stylize (content and styles; with a network from elsewhere, content alone), texture (styles alone, content only
    tells the size), reconstruct and draw (content alone).
    settings: those that were given, by name, former ones too; engine and recipe have the rest. size: None for the photo's own (for a
    texture: the painting's), up to a limit of the engine's. canvas: (width, height) of a texture, px, instead of size; None for the
    painting's own.

    Which style goes where is told by one of three: regions, a colour-coded map of the photo or a way to make one (`auto`,
    `auto:N`, a plug-in's name), whose parts the styles name; masks, one for each style; blend, a grey picture (black is the first
    style, white the second) or a gradient by name. style_regions: maps of the paintings, one for each style or empty, whose
    regions go to those of the photo that are called the same. Raises SettingError.
    """

    task: str = option(REQUIRED, "What is asked for", choices=TASKS, group="run")
    content: str | None = option(REQUIRED, "Photo: path, URL, or - for standard input", file="picture", group="input", label="Photo")
    styles: tuple[Style, ...] = ()
    recipe: str = option("", "Settings of the optimiser by name: see `atelier recipes`", group="look")
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    size: int | None = option(
        None, "Long side in px (default: the picture's own; when optimising or drawing up to 4096)", unit="px", group="result"
    )
    canvas: tuple[int | None, int | None] | None = None
    seed: int = option(0, "Seed of all that is random: same seed, same device, same picture", group="run")
    device: str = option("auto", "Hardware: auto, cpu, cuda, cuda:1, mps; for the instant engine also coreml, directml", group="run")
    engine: str = option("auto", ENGINE, group="look")
    effort: str = option("", EFFORT, choices=("", *EFFORTS), group="look")
    at_most: int | None = option(
        None, "Long side at most, px: a larger photo is painted at this size, a smaller one at its own", low=1, unit="px", group="result"
    )
    regions: str = option("", REGIONS, file="picture", **WHERE)
    masks: tuple[str, ...] = option((), "Picture, white where a style goes: one for each `style`, in their order", file="picture", **WHERE)
    style_regions: tuple[str, ...] = option(
        (),
        "Map of a painting, one for each `style`: a region of it goes to that of the photo with the same name or colour",
        file="picture",
        **WHERE,
    )
    feather: float | None = option(
        None, "Width of the borders between regions, px (default: by the picture's size)", low=0, unit="px", **WHERE
    )
    blend: str = option(
        "",
        "From the first style to the second: a grey picture, black to white, or horizontal, vertical, diagonal, radial",
        file="picture",
        **WHERE,
    )

    keep_flat: bool = option(False, "Leave a flat background, as behind products and logos, as it is", group="style")

    panorama: bool = option(False, "The photo or film is equirectangular: no seam, no pinch at the poles", group="input")
    begin: float = option(0.0, "Of a film: where to begin, s", low=0, unit="s", group="input")
    end: float | None = option(None, "Of a film: where to end, s (default: where it ends)", low=0, unit="s", group="input")
    fps: float | None = option(
        None, "Of a film: frames a second (default: its own times; of numbered frames 25)", low=0.01, high=1000, group="input"
    )
    temporal: str = option("fast", "Of a film: how frames are kept alike (best by more careful flow)", choices=TEMPORAL, group="look")

    what: str = option("texture", "Of a mesh: what is painted, its texture, its shape, or both", choices=WHAT, group="look")
    texture_size: int = option(1024, "Of a mesh: side of its texture, px", low=64, high=8192, unit="px", group="result")
    views: int = option(12, "Of a mesh: how many views from all around are painted at once", low=1, high=200, **MESH)
    light: float = option(0.5, "Of a mesh: how much of a soft light from above is painted in", low=0, high=1, **MESH)
    relief: float = option(0.5, "Of a mesh whose shape is painted: how far it may move", low=0, high=1, **MESH)

    @property
    def solid(self) -> bool:
        """Whether its content is a mesh."""
        return self.task == "stylize" and self.content is not None and self.content.split("?")[0].lower().endswith(MESHES)

    def __post_init__(self) -> None:
        if isinstance(self.settings, Mapping):
            object.__setattr__(self, "settings", {FORMER.get(name, name): value for name, value in self.settings.items()})
        else:
            raise SettingError("settings", "must be a mapping of names to values", repr(self.settings))
        check_all(self)
        sides = (None, None) if self.canvas is None else self.canvas
        if len(sides) != 2 or not all(side is None or is_a(int, side) for side in sides):
            raise SettingError("canvas", "must be a width and a height, whole numbers of px", repr(self.canvas))
        if not -(2**63) <= self.seed < 2**64:
            raise SettingError("seed", "must be from -2^63 to 2^64 - 1", self.seed)
        if self.end is not None and self.end <= self.begin:
            raise SettingError("end", f"must be later than {self.begin:g} s, where it begins", self.end)
        if self.effort and self.task != "stylize":
            raise SettingError("effort", f"`effort` is for painting photos, not for {self.task}")
        if self.effort and (self.engine != "auto" or self.recipe):
            raise SettingError("effort", f"`effort` chooses engine and recipe: give no `{'recipe' if self.recipe else 'engine'}` with it")
        self._check_where()

    def _check_where(self) -> None:
        """Raise SettingError where what is said of which style goes where does not go together."""
        ways = {"regions": self.regions, "masks": self.masks, "blend": self.blend}
        more = {"style_regions": self.style_regions, "feather": self.feather is not None, "keep_flat": self.keep_flat}
        given = [name for name, value in (ways | more).items() if value]
        named = [style for style in self.styles if style.region]
        if self.panorama and (given or named or self.task != "stylize"):
            raise SettingError("panorama", "`panorama` paints all of a photo or film: leave out regions, masks and the like")
        if self.task != "stylize" and (given or named):
            what = f"`{given[0]}`" if given else "@" + named[0].region
            raise SettingError(given[0] if given else "styles", f"{what} parts a photo, and {self.task} has no styles on one: leave it out")
        if len(both := [name for name, value in ways.items() if value]) > 1:
            raise SettingError(both[1], f"{_listed(both)} both say which style goes where: give one of them")
        if self.blend and len(self.styles) != 2:
            raise SettingError("blend", f"`blend` goes over from one style to another: give two, not {len(self.styles)}")
        if self.feather is not None and not (self.regions or self.masks):
            raise SettingError("feather", "`feather` is how wide the borders between regions are: give `regions` or `masks` with it")
        if self.style_regions and not self.regions:
            raise SettingError(
                "style_regions", "`style_regions` says which parts of a painting go to which of the photo: give `regions` with it"
            )
        self._check_each([name for name in given if name != "keep_flat"], named)

    def _check_each(self, given: list[str], named: list[Style]) -> None:
        """The same, style by style."""
        for name, maps in (("masks", self.masks), ("style_regions", self.style_regions)):
            if maps and len(maps) != len(self.styles):
                raise SettingError(
                    name, f"{len(maps)} `{name}` and {len(self.styles)} `style`: give one `{name}` for each style, in their order"
                )
        if named and not self.regions:
            value = f"{named[0].source}@{named[0].region}"
            if given:
                raise SettingError("styles", f"`style` {value}: `{given[0]}` says where it goes, so leave @{named[0].region} out")
            raise SettingError("styles", f"`style` {value} names a region: give `regions` a map of the photo, or auto")
        for style, map_ in zip(self.styles, self.style_regions or [""] * len(self.styles), strict=True):
            if self.regions and not style.region and not map_:
                raise SettingError(
                    "regions",
                    f"`regions`: the style {style.source} is without a region: "
                    f"write {style.source}@NAME, of the map's names, colours or numbers",
                )

    def to_json(self, **more: Any) -> str:
        """As one line of JSON, which `from_json` reads and which is embedded in what was made."""
        return json.dumps({**dataclasses.asdict(self), **more}, ensure_ascii=False, default=plain)

    def without_secrets(self) -> Request:
        """The same for other eyes: of URLs, no user name, no password and no query, where tokens and signatures are."""
        styles = tuple(dataclasses.replace(style, source=public(style.source)) for style in self.styles)
        settings = {name: public(value) if isinstance(value, str) else value for name, value in self.settings.items()}
        return dataclasses.replace(
            self,
            content=self.content and public(self.content),
            styles=styles,
            settings=settings,
            regions=public(self.regions),
            masks=tuple(map(public, self.masks)),
            style_regions=tuple(map(public, self.style_regions)),
            blend=public(self.blend),
        )

    @classmethod
    def from_json(cls, text: str) -> Request:
        """Raises SettingError where the text is not what `to_json` wrote."""
        try:
            data = json.loads(text)
            names = {each.name for each in dataclasses.fields(cls)}
            values = {k: v for k, v in data.items() if k in names}
            values["canvas"] = tuple(values["canvas"]) if values.get("canvas") else None
            values["styles"] = tuple(Style(**style) for style in values.get("styles", ()))
            values |= {name: tuple(values[name]) for name in ("masks", "style_regions") if isinstance(values.get(name), list)}
            request = cls(**values)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise SettingError("", f"the embedded request cannot be read: {error}") from error
        return request


def _listed(names: list[str]) -> str:
    """`a` and `b`."""
    return " and ".join(f"`{name}`" for name in names)


def public(source: str) -> str:
    """A URL without what may be secret in it; anything else as it is."""
    return re.sub(r"^([\w+.-]+://)(?:[^/?#]*@)?([^?#]*).*", r"\1\2", source, flags=re.DOTALL)


def plain(value: Any) -> Any:
    """NumPy's numbers, and any mapping, as JSON has them; for `json.dumps`."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, numbers.Real):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    raise TypeError(f"{value!r} is nothing for JSON")
