"""Painting as it happens, with a film as the camera."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atelier.errors import SourceError
from atelier.image import decode
from atelier.live import Show, open_server
from atelier.live.server import Server
from atelier.media.films.camera import open_camera
from filming import make_film, moving

pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("live") / "in.mp4", moving(12, (96, 64)), rate=25)


@pytest.fixture
def served(clip: Path) -> Iterator[Server]:
    show = Show.of(open_camera(str(clip), again=True), "starry-night")
    with open_server(show, ("starry-night", "udnie")) as server:
        thread = threading.Thread(target=server.serve_forever)
        show.start()
        thread.start()
        yield server
        server.shutdown()
        show.close()
        thread.join()


def test_a_film_comes_at_its_own_speed_and_what_nobody_takes_is_dropped(clip: Path) -> None:
    camera = open_camera(str(clip))
    times = []
    for moment in camera.moments():
        times.append(moment.time)
        time.sleep(0.1)
    assert camera.seen == 12 and 2 <= len(times) <= 8
    assert np.all(np.diff(times) >= 0.04)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(SourceError, match="there is no camera 97"):
        open_camera("97")


def test_the_newest_frame_is_painted_and_told(served: Server) -> None:
    show = served.show
    number, frame = show.after(0, 20)
    assert number >= 1 and decode(frame).size == (96, 64)
    show.after(4, 20)
    state = ask(served, "/state")
    assert state["style"] == "starry-night" and state["styles"] == ["starry-night", "udnie"]
    assert state["frames_per_second"] > 0 and 0 < state["latency_ms"] < 5000 and state["told"] == ""


def test_the_stream_holds_jpegs(served: Server) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{served.server_port}/live.mjpg", timeout=20) as answer:
        assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert answer.readline() == b"--frame\r\n"
        assert answer.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(answer.readline().split()[1])
        answer.readline()
        assert decode(answer.read(length)).size == (96, 64)


def test_style_and_strength_change_while_it_goes(served: Server) -> None:
    served.show.after(0, 20)
    assert ask(served, "/wanted", {"style": "udnie", "strength": 0.5}) == {}
    before = served.show.painted
    assert served.show.after(before + 2, 20)[0] > before
    state = ask(served, "/state")
    assert (state["style"], state["strength"], state["told"]) == ("udnie", 0.5, "")


@pytest.mark.parametrize("told", [{"style": "/etc/passwd"}, {"strength": 2}, {"strength": "x"}, {"strength": float("nan")}])
def test_nothing_else_can_be_wanted(served: Server, told: dict[str, object]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(served, "/wanted", told)
    assert served.show.wanted.style == "starry-night"


@pytest.mark.parametrize("headers", [{"Host": "example.org"}, {"Origin": "http://example.org"}])
def test_pages_from_elsewhere_are_refused(served: Server, headers: dict[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        ask(served, "/state", None, headers)


def test_the_end_of_a_film_is_told(clip: Path) -> None:
    show = Show.of(open_camera(str(clip)), "starry-night")
    show.start()
    while not show.ended:
        show.after(show.painted, 1)
    assert show.state()["told"] == "the camera ended"
    show.close()


def ask(server: Server, path: str, told: object = None, headers: dict[str, str] | None = None) -> Any:
    body = None if told is None else json.dumps(told).encode()
    given = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}{path}", body, given)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())
