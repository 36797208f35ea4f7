"""What each visitor has here: pictures given, pictures made, and work in progress. Known by a cookie and the tab's own word."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import itertools
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from atelier.engines.network.catalogue import every
from atelier.errors import AtelierError
from atelier.image import Image, encode
from atelier.media import write_still
from atelier.media.films import Span
from atelier.request import Request, Style
from atelier.run import Session, write_drawing
from atelier.studio import making
from atelier.studio.uploads import SIDES, Uploads
from atelier.studio.workshop import Work, Workshop

if TYPE_CHECKING:
    from atelier.engines.primitives.drawing import Drawing

IDLE = 2 * 3600.0
"""Seconds after which what a visitor has here is let go."""
MOST = 40
"""Pictures that are kept of a visit, and the strip shows."""
SAMPLES = Path(__file__).parent / "web/samples"
FIRST = "coffee.jpg"
"""The photo that hangs here when somebody comes in."""
THUMB = 224
URGENT, NEXT, LATER = range(3)


@dataclass(frozen=True, eq=False)
class Hung:
    """A finished picture. request: what was asked for. levels: its pixels in as many bits as its file has, about: what else it says.
    file: of a film, and of a picture at its full size. drawing: the shapes, of a drawing."""

    number: int
    request: Request
    levels: NDArray[Any]
    about: Mapping[str, Any]
    seconds: float
    stopped: bool = False
    drawing: Drawing | None = None
    file: Path | None = None

    @property
    def image(self) -> Image:
        """The picture."""
        return Image.from_array(self.levels, **self.about)


@dataclass(eq=False)
class Visit:
    """One visitor. The page comes in one thread, uploads and work in others.

    photo: the name of that which hangs. film, mesh: those that were given last. brought: what made a picture that was given, until the
    page has it. again: what was asked for last of a kind that is quick; the next photo is painted so as soon as it is here. asked, work:
    the picture that is wanted, and its making. shown: a finished one instead. against: the picture it is compared with, not the photo.
    """

    quick: Workshop
    long: Workshop
    session: Session
    uploads: Uploads = field(default_factory=Uploads)
    photo: str = ""
    film: str = ""
    mesh: str = ""
    brought: Request | None = None
    again: Request | None = None
    against: int | None = None
    paintings: list[str] = field(default_factory=list)
    asked: Request | None = None
    work: Work | None = None
    thumbs: dict[str, Work] = field(default_factory=dict)
    hung: list[Hung] = field(default_factory=list)
    shown: Hung | None = None
    seen: float = field(default_factory=time.monotonic)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="atelier-studio-")))
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _views: dict[str, bytes] = field(default_factory=dict)

    # Photos -----------------------------------------------------------------------------------------------------------

    def take(self, data: bytes, name: str) -> str:
        """Hang a photo: all that follows is painted on it. Its name. Raises ImageError, MissingExtra."""
        name = self.uploads.add(data, name)
        if told := self.uploads.pictures[name].told:
            with contextlib.suppress(AtelierError):
                self.brought = Request.from_json(told)
        if self.brought is None:
            self.hang_photo(name)
        elif self.brought.content in self.uploads.pictures:
            self.hang_photo(str(self.brought.content))
        return name

    def hang_photo(self, name: str) -> None:
        """Hang a photo that is here."""
        with self.lock:
            if name != self.photo:
                self.photo = name
                if self.work:
                    self.work.stop()
                self.asked = self.shown = self.against = self.work = None
                if self.again is not None and self.brought is None:
                    self.ask(dataclasses.replace(self.again, content=name))
                self.paint_thumbs()

    def take_sample(self, name: str = FIRST) -> None:
        """Hang one of the photos that come with the studio."""
        self.take((SAMPLES / name).read_bytes(), name)

    def paint_thumbs(self) -> None:
        """Paint the photo in every style, small, as soon as nothing is more pressing."""
        for work in self.thumbs.values():
            work.stop()
        self.thumbs = {}
        for entry in every():
            request = Request("stylize", self.photo, (Style(entry.name),), size=None)
            self.thumbs[entry.name] = self.quick.put(Work(making.paint_small(self.uploads, self.session, request, THUMB)), LATER)

    # Pictures ---------------------------------------------------------------------------------------------------------

    def ask(self, request: Request, *, anew: bool = False) -> None:
        """Have a picture made, unless it is being made, or was. What it takes the place of is stopped. anew: though it was tried."""
        with self.lock:
            if request == self.asked and not anew:
                return
            if self.work:
                self.work.stop()
            self.asked, self.work = request, None
            self.shown = next((each for each in reversed(self.hung) if each.request == request and not each.stopped), None)
            if self.shown is not None:
                return
            if suffix := making.suffix_of(self.uploads, request):
                self._begin_file(request, suffix)
                return
            gradual = making.is_gradual(request)
            if not gradual:
                self.again = request
            work = Work(making.paint(self.uploads, self.session, request, self.hang))
            self.work = (self.long if gradual else self.quick).put(work, NEXT if gradual else URGENT)

    def ask_full(self, request: Request) -> None:
        """Have the picture made again at the photo's own size, in a file."""
        with self.lock:
            if self.work:
                self.work.stop()
            self.asked, self.shown = request, None
            self._begin_file(request, ".png")

    def _begin_file(self, request: Request, suffix: str) -> None:
        target = self.folder / f"made-{next(self._numbers)}{suffix}"
        self.work = self.long.put(Work(making.write_file(self.uploads, self.session, request, target, self.hang)), URGENT)

    def hang(self, work: Work, request: Request, drawing: Drawing | None = None, file: Path | None = None) -> None:
        """Take what work has made into the strip, and show it where it is what was asked for last."""
        if work.picture is None:
            return
        picture = work.picture
        about = {name: getattr(picture, name) for name in ("depth", "text", "exif", "profile")}
        hung = Hung(next(self._numbers), request, picture.to_array(picture.depth), about, work.so_far, work.stopping, drawing, file)
        with self.lock:
            self.hung = [*self.hung, hung][-MOST:]
            if work is self.work:
                self.shown = hung

    def find(self, number: int) -> Hung | None:
        """A picture of the strip."""
        return next((each for each in self.hung if each.number == number), None)

    @property
    def busy(self) -> bool:
        return self.work is not None and self.work.going

    @property
    def thumbs_due(self) -> bool:
        """Whether pictures of the gallery are still to come."""
        return any(work.going for work in self.thumbs.values())

    # Views ------------------------------------------------------------------------------------------------------------

    def view(self, key: str, image: Image, quality: int = 88) -> bytes:
        """A picture as the page shows it, made once."""
        if key not in self._views:
            if len(self._views) > 3 * MOST:
                self._views.pop(next(iter(self._views)), None)
            self._views[key] = encode(dataclasses.replace(image, exif=None, profile=None), "jpeg", quality=quality)
        return self._views[key]

    def find_view(self, key: str) -> bytes | None:
        """What the page asks for by a key: photo/NAME, thumb/STYLE, now/VERSION, hung/NUMBER; None where there is no such picture."""
        what, _, rest = key.partition("/")
        image: Image | None = None
        if what == "photo" and rest in self.uploads.pictures:
            image = self.uploads.pictures[rest].at(SIDES[0])
        elif what == "painting" and rest in self.uploads.pictures:
            image = self.uploads.pictures[rest].at(SIDES[2])
        elif what == "thumb" and (work := self.thumbs.get(rest.partition("/")[2])):
            image = work.picture
        elif what == "now" and self.work is not None:
            return None if self.work.picture is None else self.view(f"now/{id(self.work)}/{self.work.version}", self.work.picture)
        elif what == "hung" and rest.isdigit() and (hung := self.find(int(rest))):
            image = hung.image
        return None if image is None else self.view(key, image)

    # Files ------------------------------------------------------------------------------------------------------------

    def write(self, hung: Hung, suffix: str) -> Path:
        """Write a picture as a file, once; where it is. Raises OutputError, MissingExtra."""
        if hung.file is not None and (beside := hung.file.with_suffix(suffix)).exists():
            return beside
        path = self.folder / f"{hung.number}{suffix}"
        if not path.exists():
            if hung.drawing is not None:
                write_drawing(hung.drawing, path)
            else:
                write_still(hung.image, path)
        return path

    def take_film(self, path: Path, name: str) -> str:
        """Take a film in a file; its first frame is the photo from now on. Raises ImageError, SourceError, MissingExtra."""
        self.uploads.films[name] = path
        try:
            first = next(self.uploads.film(name, Span()).moments())
        except AtelierError:
            del self.uploads.films[name]
            raise
        self.film = name
        self.take(encode(Image(first.pixels), "png"), f"{Path(name).stem}.png")
        return name

    def take_mesh(self, path: Path, name: str) -> str:
        """Take a mesh in a file. Raises MeshError, MissingExtra."""
        self.uploads.meshes[name] = path
        try:
            self.uploads.mesh(name)
        except AtelierError:
            del self.uploads.meshes[name]
            raise
        self.mesh = name
        return name

    def close(self) -> None:
        """Let go of all there is of the visit."""
        for work in [*self.thumbs.values(), *([self.work] if self.work else [])]:
            work.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Visits:
    """All visitors there are, by cookie and tab. Those that were not seen for long are let go."""

    def __init__(self) -> None:
        cores = making.cores()
        self.quick, self.long = Workshop("quick", min(2, cores)), Workshop("long", max(1, cores // 2))
        self.session = Session(engine=8, style=64)
        self._visits: dict[tuple[str, str], Visit] = {}
        self._lock = threading.Lock()
        atexit.register(self.close)

    def close(self) -> None:
        """Let go of all visits."""
        with self._lock:
            while self._visits:
                self._visits.popitem()[1].close()

    def of(self, cookie: str, tab: str) -> Visit:
        """The visit of a browser's tab; a new one where there is none."""
        with self._lock:
            now = time.monotonic()
            for key in [key for key, visit in self._visits.items() if now - visit.seen > IDLE]:
                self._visits.pop(key).close()
            visit = self._visits.setdefault((cookie, tab), Visit(self.quick, self.long, self.session))
            visit.seen = now
            return visit

    def find(self, cookie: str, tab: str) -> Visit | None:
        """The visit, where there is one."""
        return self._visits.get((cookie, tab))


def new_tab() -> str:
    """A word for a tab that had none."""
    return secrets.token_urlsafe(6)


def warm(visits: Visits) -> None:
    """Paint a small picture for nobody: the next one finds the networks open."""
    with contextlib.suppress(AtelierError):
        visit = Visit(visits.quick, visits.long, visits.session)
        visit.take_sample()
        for work in visit.thumbs.values():
            work.wait(10)
            break
        visit.close()


VISITS = Visits()
"""Those of this process: Streamlit's script and the routes both ask for them."""
