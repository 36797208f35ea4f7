"""From a request to a job: all that can be refused is refused, everything is opened, and nothing is painted yet."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atelier.engines.engine import Engine, EngineKind, Frame, Large, Read, WindowEngine, Windows
from atelier.engines.guide import Guide, Sample
from atelier.engines.panorama import Panorama
from atelier.engines.session import Session
from atelier.engines.solid import Shaper, Sitting, SolidEngine, picture_of
from atelier.engines.table import choose, settle, spread_effort
from atelier.errors import SettingError, SourceError
from atelier.image import Image, Limits, fit, resize
from atelier.image.hidden import fill_hidden
from atelier.image.metadata import SPHERICAL
from atelier.media import STANDARD, StreamSource
from atelier.media.films.moment import Span
from atelier.progress import Progress, Report, silent
from atelier.request import AnySettings, Request, options
from atelier.run.around import find_panorama
from atelier.run.built import Built
from atelier.run.film.guides import Find, MapFrames, finder
from atelier.run.film.painting import Painted, paint_film
from atelier.run.layout import Scene, lay_out
from atelier.run.maps import SEEN, Maps, maps_read, open_maps
from atelier.run.resolver import GIVEN, LOCAL, Painting, Resolver, as_picture
from atelier.run.signing import digest_inputs, record_of, sign, unsigned
from atelier.run.sizes import at_size, blank, check_size
from atelier.run.solid.likeness import Meshes, spread_views
from atelier.run.solid.painting import PaintedMesh, paint_solid, seat
from atelier.run.tuning import tune
from atelier.run.turning import turn

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing
    from atelier.media.films import Film, FrameFolder

HELD_PIXELS = 64_000_000
"""Pictures from this many pixels on are painted from window to window where engine and target allow: held whole, they take 40 bytes a
pixel and more."""
MAPPED_PIXELS = 8_000_000
"""Pixels at which it is held which style goes where in those."""
SMALL = 384
"""Long side, px, at which such a picture is looked at as a whole."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """A picture painted from window to window, and lazily: windows paints it. small: the whole of the photo."""

    windows: Windows
    source: StreamSource
    small: Image


@dataclass(frozen=True, eq=False)
class Job:
    """A request, opened: `frames` paints it.

    request: with the engine that was chosen. content: the photo at its working size (of one that is not held, a small one); photo: as it
    was; of a film both are its first frame. start: the picture that painting starts from, if that is one. drawing: one to go on from.
    inputs: digests of what it is made from. stream: the photo, where it is not held. film: the photo, where it moves. find: what finds
    anew which style goes where in it. sitting: the photo, where it is a mesh, and what paints and shapes it; content is then its texture.
    """

    request: Request
    kind: EngineKind
    settings: AnySettings
    engine: Engine
    content: Image
    photo: Image
    samples: Sequence[Sample] = ()
    guide: Guide | None = None
    start: Image | None = None
    drawing: Drawing | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    stream: StreamSource | None = None
    film: Film | FrameFolder | None = None
    find: Find | None = None
    sitting: Sitting | None = None
    solid: SolidEngine | None = None
    shape: Shaper | None = None
    limits: Limits = Limits()

    def frames(self, report: Report = silent, state: Any = None) -> Iterator[Frame | Drawing | Streamed | Painted | PaintedMesh]:
        """Paint, frame by frame: each is read and painted when it is asked for. state: what an engine told, to go on from.

        A report that raises Cancelled ends it with the picture so far. Raises AtelierError.
        """
        if self.stream is not None:
            engine: WindowEngine = self.engine  # type: ignore[assignment]
            large = Large(read_filled(self.stream), self.stream.size, self.content, self.guide)
            yield Streamed(engine.paint_windows(large, report), self.stream, self.content)
            return
        if self.film is not None:
            yield from paint_film(self, report, state)
            return
        if self.sitting is not None:
            yield paint_solid(self, self._dressed(report))
            return
        state = state if state is not None else self.drawing
        start = None if self.start is None else fill_hidden(self.start.pixels, self.start.alpha)
        yield self.engine(Frame.of(self.content, guide=self.guide, start=start, source=self.photo.size, state=state), self._dressed(report))

    def picture(self, painted: Frame, seconds: float = 0.0, profile: str = "srgb") -> Image:
        """A painted frame as a picture: with what the photo's file said, and what made it, if all of that has a name.

        profile: that it will be written in, as in `Outputs`.
        """
        image = self._dress(painted.image())
        if self.request.panorama:
            image = dataclasses.replace(image, text={**image.text, SPHERICAL: "equirectangular"})
        return sign(image, self.request, seconds, self.inputs, self.ran, profile) if self.named else image

    @property
    def ran(self) -> Mapping[str, str]:
        """What the engine says of what runs it: body, backend, device."""
        return getattr(self.engine, "about", {})

    def signed(self, drawing: Drawing, seconds: float = 0.0) -> Drawing:
        """A drawing with what made it, if all of that has a name."""
        if not self.named:
            return drawing
        return dataclasses.replace(drawing, about={**drawing.about, "request": record_of(self.request, seconds)})

    @property
    def named(self) -> bool:
        """Whether all that was given has a name by which it can be found again."""
        return not any(name.startswith(GIVEN) for name in names_read(self.request))

    def close(self) -> None:
        """Close what is read from window to window."""
        if self.stream is not None:
            self.stream.__exit__(None, None, None)

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _dress(self, painted: Image) -> Image:
        """Pixels of the engine with what the photo's file said beside its own."""
        return dataclasses.replace(unsigned(self.content), pixels=painted.pixels, alpha=painted.alpha)

    def _dressed(self, report: Report) -> Report:
        """The report, given the engine's name and previews that are like the picture."""

        def dress(progress: Progress) -> None:
            bare = progress.preview
            preview = None if bare is None or self.kind.draws else (lambda: self._dress(bare()))
            report(dataclasses.replace(progress, engine=progress.engine or self.kind.name, preview=preview or bare))

        return dress


def read_filled(stream: StreamSource) -> Read:
    """Give what reads a streamed photo with its hidden pixels filled, as those of a frame are."""
    if not stream.has_alpha:
        return stream.window
    return lambda x, y, w, h: fill_hidden(stream.window(x, y, w, h), stream.window_alpha(x, y, w, h))


# Opening --------------------------------------------------------------------------------------------------------------


def open(
    request: Request, resolver: Resolver = LOCAL, session: Session | None = None, report: Report = silent, *, hold: bool = True,
    film: bool = False,
) -> Job:  # fmt: skip
    """Settle, check and open a request. hold: whether a picture too large for that is held all the same. film: whether its content is a
    film.

    Raises AtelierError for all that can be refused; nothing is painted yet.
    """
    request, settings = check(request)
    kind, session = choose(request), session or Session()
    kept = _Opener(request, settings, kind, resolver, session, report)
    if film:
        return kept.film()
    if request.solid:
        return kept.solid()
    _refuse_span(request)
    if (
        not hold
        and not request.panorama
        and request.content
        and kind.streams(request, settings)
        and (stream := resolver.stream(request.content))
    ):
        width, height = stream.size
        if width * height >= HELD_PIXELS:
            return kept.large(stream)
        stream.__exit__(None, None, None)
    return kept.held()


def check(request: Request) -> tuple[Request, AnySettings]:
    """The request with its engine and its settings in full, after all that can be refused without opening anything.

    Raises SettingError, SourceError.
    """
    request = spread_effort(request)
    settings = settle(request)
    kind = choose(request)
    request = dataclasses.replace(request, engine=kind.name)
    check_size(request.size)
    kind.refuse(request, settings)
    if names_read(request).count(STANDARD) > 1:
        raise SourceError("only one picture can come from standard input")
    return request, settings


def _refuse_span(request: Request) -> None:
    """Raise SettingError for what is said of a film's length where the content is a single picture."""
    given = {"begin": request.begin != 0, "end": request.end is not None, "fps": request.fps is not None}
    for name, value in given.items():
        if value:
            raise SettingError(
                name, "is of a film, and this is a picture: leave it out, or name the result as a film", getattr(request, name)
            )


def names_read(request: Request) -> list[str]:
    """All that a request reads by name: pictures, maps, and files that settings name."""
    settings, declared = settle(request), options(type(settle(request)))
    named = [getattr(settings, name) for name, each in declared.items() if each.names(getattr(settings, name))]
    content = [request.content] if request.content else []
    return [*content, *(style.source for style in request.styles), *maps_read(request), *named]


@dataclass(frozen=True)
class Shown:
    """A resolver to which one name is a picture that is there already."""

    resolver: Resolver
    name: str
    image: Image

    def picture(self, name: str, report: Report = silent) -> Image:
        return self.image if name == self.name else self.resolver.picture(name, report)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.resolver, name)


@dataclass
class _Opener:
    """What opening needs, at hand."""

    request: Request
    settings: AnySettings
    kind: EngineKind
    resolver: Resolver
    session: Session
    report: Report
    unbuilt: bool = False
    spherical: bool = False

    def held(self) -> Job:
        styles = self.styles()
        self.kind.prepare(self.request, self.settings, styles, self.session)
        maps = open_maps(self.request, self.resolver, self.report)
        photo, content = self.content(styles)
        self.request = find_panorama(self.request, photo, self.spherical, self.report)
        pictures, drawing = self.named()
        scene = Scene(content, photo if self.request.content else None)
        samples, guide = lay_out(self.request, self.kind, scene, styles, maps, self.session, self.report)
        samples = tune(self.kind, samples, content, self.request, self.settings, self.session, self.report)
        start = pictures.get("start")
        find = finder(self.request, self.kind, styles, maps, self.session)
        job = self.job(samples, content, photo, guide=guide, start=start, drawing=drawing, find=find)
        return job if self.unbuilt else dataclasses.replace(job, engine=self.engine(samples, pictures))

    def large(self, stream: StreamSource) -> Job:
        """A photo that is not held: its guide may be coarser than itself."""
        self.report(Progress("opening", note=f"{stream.size[0]}x{stream.size[1]} px are painted from window to window"))
        styles = self.styles()
        request, size = self.request, stream.size
        if request.regions or request.masks or request.blend or request.keep_flat:
            seen = stream.thumbnail(SEEN)
            small = resize(seen, fit(seen.size, min(SMALL, max(seen.size))))
            share = min(1.0, math.sqrt(MAPPED_PIXELS / (size[0] * size[1])))
            scene = Scene(blank(*fit(size, round(max(size) * share))), seen, size)
            if request.feather is not None:
                request = dataclasses.replace(request, feather=request.feather * max(scene.content.size) / max(size))
            maps = open_maps(request, self.resolver, self.report)
        else:
            small, maps = stream.thumbnail(SMALL), Maps()
            scene = Scene(small)
        samples, guide = lay_out(request, self.kind, scene, styles, maps, self.session, self.report)
        samples = tune(self.kind, samples, small, self.request, self.settings, self.session, self.report)
        job = self.job(samples, dataclasses.replace(small, text=stream.text), small, guide=guide, stream=stream)
        return dataclasses.replace(job, engine=self.engine(samples, {}))

    def film(self) -> Job:
        """A film: what goes where is told by its first frame, and found anew after cuts."""
        request = self.request
        assert request.content is not None
        film = self.resolver.film(request.content, Span(request.begin, request.end, request.fps), self.report)
        self.spherical = getattr(film, "spherical", False)
        photo = Image(next(film.moments()).pixels)
        self.resolver = Shown(self.resolver, request.content, photo)
        frames = MapFrames.of(request, float(film.rate), self.resolver.limits)
        self.request = frames.at(request.begin) if frames else request
        job = dataclasses.replace(self.held(), film=film.at_rate())
        job = frames.follow(job, self.styles(), self.resolver, self.session) if frames else job
        if self.kind.draws:
            job = dataclasses.replace(job, content=at_size(photo, request.size, math.inf, self.resolver.limits, self.report))
        return job

    def solid(self) -> Job:
        """A mesh: what goes where is told on its texture."""
        request = self.request
        assert request.content is not None and self.kind.solid is not None
        sitting = seat(request, self.resolver.mesh(request.content, self.report), self.report)
        self.resolver = Shown(Meshes(self.resolver), request.content, picture_of(sitting.texture))
        self.request, self.unbuilt = dataclasses.replace(request, size=None), True
        job = self.held()
        samples = spread_views(job.samples, request, self.resolver, sitting.side, self.report)
        how = self.settings, request.device, request.seed
        solid = None if request.what == "shape" else self.kind.solid(samples, *how, self.session, self.report)
        shape = self.kind.shape(samples, *how) if self.kind.shape is not None and request.what != "texture" else None
        seated = dataclasses.replace(sitting, guide=job.guide)
        return dataclasses.replace(job, request=request, samples=samples, sitting=seated, solid=solid, shape=shape)

    def job(self, samples: Sequence[Sample], content: Image, photo: Image, **more: Any) -> Job:
        """The job, all but its engine."""
        inputs = {}
        if not self.kind.draws:
            inputs = digest_inputs(content, samples, more.get("guide"), more.get("start"))
        if self.kind.networks:
            inputs["networks"] = self.kind.networks(self.settings)
        return Job(
            self.request, self.kind, self.settings, _none, content, photo, samples, inputs=inputs, limits=self.resolver.limits, **more
        )

    def styles(self) -> list[Painting]:
        """The styles, each opened once in a session as long as it stays what it is."""

        def opened(name: str) -> Painting:
            stamp = self.resolver.stamp(name)
            if stamp is None:
                return self.resolver.style(name, self.report)
            return self.session.keep("style", stamp, lambda: self.resolver.style(name, self.report))

        styles = [opened(style.source) for style in self.request.styles]
        return styles if self.kind.named else [as_picture(style).flat() for style in styles]

    def content(self, styles: Sequence[Painting]) -> tuple[Image, Image]:
        """The photo as it is and at its working size; of a texture, twice a blank of the size."""
        request, limits = self.request, self.resolver.limits
        if request.content is not None:
            photo = self.resolver.picture(request.content, self.report)
            if self.kind.largest is None:
                return photo, photo
            return photo, at_size(photo, request.size, min(self.kind.largest, request.at_most or math.inf), limits, self.report)
        own = as_picture(turn(styles[0], request.styles[0].rotate)).size
        if request.canvas is not None:
            width, height = (side if side is not None else mine for side, mine in zip(request.canvas, own, strict=True))
            self.request = dataclasses.replace(request, canvas=(width, height))
            content = blank(width, height, limits.pixels)  # of just the size that was asked for, whatever it is
        else:
            content = blank(*(own if request.size is None else fit(own, request.size)), limits.pixels)
            content = at_size(content, request.size, self.kind.largest or math.inf, limits, self.report)
        return content, content

    def named(self) -> tuple[dict[str, Image], Drawing | None]:
        """The pictures, and the drawing, that settings name."""
        pictures: dict[str, Image] = {}
        drawing = None
        for name, each in options(type(self.settings)).items():
            value = getattr(self.settings, name)
            if each.names(value) and each.file == "picture":
                pictures[name] = self.resolver.picture(value, self.report)
            elif each.names(value) and each.file == "drawing":
                drawing = self.resolver.drawing(value)
            elif each.names(value):
                self.resolver.file(value)
        return pictures, drawing

    def engine(self, samples: Sequence[Sample], pictures: Mapping[str, Image]) -> Engine:
        """The engine; that of the picture before in the session, where it is built from the same."""
        name = f"{self.kind.name} {self.request.panorama}"
        key = Built(name, self.settings, self.request.device, self.request.seed, tuple(samples), dict(pictures))
        return self.session.keep("engine", key, lambda: self.build(samples, pictures))

    def build(self, samples: Sequence[Sample], pictures: Mapping[str, Image]) -> Engine:
        request = self.request
        engine = self.kind.build(samples, self.settings, request.device, request.seed, pictures, self.session, self.report)
        return Panorama(engine) if request.panorama else engine


def _none(frame: Frame, report: Report = silent) -> Frame:
    raise AssertionError("a job without an engine")
