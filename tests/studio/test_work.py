"""The studio's parts without a page: work in threads, uploads, words, addresses, what makes the same picture elsewhere."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("streamlit", reason="the studio is not installed")

from atelier import studio
from atelier.errors import AtelierError, ImageError, SettingError, SourceError
from atelier.image import Image, encode
from atelier.progress import Progress
from atelier.request import Request, Style
from atelier.run import Session
from atelier.studio import making, telling
from atelier.studio.server import check_port
from atelier.studio.uploads import Uploads, clean
from atelier.studio.visits import Visit, Visits
from atelier.studio.words import LANGUAGES, choose_language, words
from atelier.studio.workshop import Work, Workshop

RNG = np.random.default_rng(0)


def picture(width: int = 60, height: int = 40) -> bytes:
    return encode(Image(RNG.random((height, width, 3), np.float32)), "png")


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    return Workshop("test", 1)


def ended(work: Work) -> Work:
    work.wait(10)
    assert not work.going
    return work


def test_what_goes_wrong_in_one_piece_stays_in_it(workshop: Workshop) -> None:
    def fails(work: Work) -> None:
        raise ZeroDivisionError("a fault")

    failed, done = workshop.put(Work(fails)), workshop.put(Work(lambda work: None))
    assert ended(failed).state == "failed" and isinstance(failed.error, ZeroDivisionError)
    assert ended(done).state == "done"


def test_the_most_pressing_goes_first(workshop: Workshop) -> None:
    hold, order = threading.Event(), []
    workshop.put(Work(lambda work: hold.wait(10) and None))
    time.sleep(0.05)
    works = [
        workshop.put(Work(lambda work, name=name: order.append(name)), urgency) for name, urgency in (("late", 2), ("next", 1), ("now", 0))
    ]
    hold.set()
    for work in works:
        ended(work)
    assert order == ["now", "next", "late"]


def test_work_is_stopped_by_its_report(workshop: Workshop) -> None:
    def goes_on(work: Work) -> None:
        for step in range(10_000):
            work.report(Progress("painting", step, losses={"style": 1.0 / (step + 1)}))
            time.sleep(0.001)

    work = workshop.put(Work(goes_on))
    time.sleep(0.05)
    work.stop()
    assert ended(work).state == "stopped"
    assert work.losses and work.losses[0] == {"style": 1.0}


def test_a_visitor_opens_nothing_of_this_machine(tmp_path: Path) -> None:
    there = tmp_path / "secret.png"
    there.write_bytes(picture())
    uploads = Uploads()
    for name in (str(there), "file:///etc/passwd", "http://127.0.0.1/x.png", "../secret.png"):
        with pytest.raises(SourceError):
            uploads.picture(name)
        with pytest.raises(SourceError):
            uploads.style(name)
        with pytest.raises(AtelierError):
            uploads.file(name)
        with pytest.raises(SourceError):
            uploads.film(name, None)  # type: ignore[arg-type]
        with pytest.raises(SourceError):
            uploads.mesh(name)


def test_pictures_of_one_name_are_kept_apart() -> None:
    uploads = Uploads()
    one, other = picture(), picture(50, 50)
    assert uploads.add(one, "a.png") == "a.png"
    assert uploads.add(other, "a.png") == "a-2.png"
    assert uploads.add(one, "a.png") == "a.png"
    assert uploads.picture("a-2.png").size == (50, 50)
    with pytest.raises(ImageError):
        uploads.add(b"no picture", "b.png")


def test_copies_of_a_large_photo_are_its_size_and_its_colors() -> None:
    uploads = Uploads()
    light = np.linspace(0, 1, 3301, dtype=np.float32)[None, :, None]
    uploads.add(encode(Image(np.tile(light, (401, 1, 3))), "png"), "large.png")
    upload = uploads.pictures["large.png"]
    assert upload.size == (3301, 401)
    assert [max(copy.size) for copy in upload.copies] == [1600, 640, 256]
    for copy in upload.copies:
        assert abs(copy.pixels[0, copy.size[0] // 2, 0] - 0.5) < 0.01
    assert upload.at(500).size[0] == 640 and upload.at(None).size == (3301, 401)


def test_names_are_names_of_files() -> None:
    assert clean("../../etc/passwd") == "passwd"
    assert clean("C:\\photos\\me.jpg") == "me.jpg"
    assert clean("<script>.png") == "_script_.png"
    assert clean("..") == "picture"


def test_a_full_picture_is_of_the_photos_size(workshop: Workshop) -> None:
    visit = Visit(workshop, workshop, Session())
    visit.uploads.add(picture(700, 20), "long.png")
    visit.photo = "long.png"
    visit.ask_full(Request("stylize", "long.png", (Style("starry-night"),)))
    assert visit.work is not None
    for _ in range(200):
        if not visit.busy:
            break
        time.sleep(0.05)
    assert visit.work.error is None
    assert visit.shown is not None and visit.shown.file is not None
    assert visit.write(visit.shown, ".png").read_bytes()[:4] == b"\x89PNG"
    visit.close()
    assert not visit.folder.exists()


def test_sizes_of_a_quick_picture_grow_and_never_over_the_photo() -> None:
    request = Request("stylize", "a.png", (Style("starry-night"),))
    assert making.sides(request, (4032, 3024)) == [512, 1280]
    assert making.sides(request, (300, 200)) == [300]
    assert making.is_gradual(Request("stylize", "a.png", (Style("starry-night"),), effort="good"))


def test_visits_are_apart_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    visits = Visits()
    one = visits.of("cookie", "tab")
    assert visits.of("cookie", "tab") is one
    assert visits.of("other", "tab") is not one
    assert visits.find("third", "tab") is None
    one.seen -= 10_000
    visits.of("cookie", "another")
    assert visits.find("cookie", "tab") is None


def test_python_that_makes_a_picture_runs() -> None:
    request = Request("stylize", "a.png", (Style("starry-night", 0.7), Style("udnie", 0.3)), settings={"strength": 0.5}, seed=3)
    code = telling.spell_python(request, "out.png")
    compile(code, "code", "exec")
    assert "atelier.stylize('a.png', [('starry-night', 0.7), ('udnie', 0.3)], seed=3, strength=0.5)" in code


def test_languages_are_chosen_and_complete() -> None:
    from babel.messages.mofile import read_mo
    from babel.messages.pofile import read_po

    assert choose_language("", "de-CH,de;q=0.9,en;q=0.8") == "de"
    assert choose_language("en", "de") == "en" and choose_language("xx", "") == "en"
    assert words("de")("Choose a photo") == "Foto wählen"
    for language in set(LANGUAGES) - {"en"}:
        place = Path(studio.__file__).parent / "locale" / language / "LC_MESSAGES"
        with (place / "atelier.po").open("rb") as po, (place / "atelier.mo").open("rb") as mo:
            written, compiled = read_po(po), read_mo(mo)
            assert {each.id: each.string for each in written if each.id} == {each.id: each.string for each in compiled if each.id}
            said = spoken()
            assert not said - {str(each.id) for each in written}, "words without a translation"


def spoken() -> set[str]:
    """What the page says in words of its own."""
    import ast

    found = set()
    for path in Path(studio.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("say", "here.say") and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def test_a_port_that_is_taken_is_said() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SettingError, match="port"):
            check_port(taken.getsockname()[1], "127.0.0.1")
