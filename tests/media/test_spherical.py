"""Films that say that they go all around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atelier.media.films import open_film
from atelier.media.films.spherical import is_spherical, mark_spherical
from atelier.progress import Progress
from atelier.request import Outputs, Request, Style
from atelier.run import make
from filming import make_film, moving

av = pytest.importorskip("av")
pytest.importorskip("cv2")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_film_that_is_marked_is_found_and_plays(tmp_path: Path, suffix: str) -> None:
    path = make_film(tmp_path / f"in{suffix}", moving(3, (64, 32)), sound=0.1)
    before = [moment.levels for moment in open_film(str(path)).moments()]
    assert not is_spherical(str(path))
    mark_spherical(path)
    assert is_spherical(str(path))
    after = [moment.levels for moment in open_film(str(path)).moments()]
    assert len(after) == 3 and all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    with av.open(str(path)) as film:
        assert len(film.streams.audio) == 1


def test_what_is_no_film_says_nothing(tmp_path: Path) -> None:
    for name, data in (("a.mkv", b"\x1aE\xdf\xa3" * 20), ("b.mp4", b""), ("c.mp4", b"\0\0\0\x02moov" * 4), ("d.mp4", b"\xff" * 64)):
        (tmp_path / name).write_bytes(data)
        assert not is_spherical(str(tmp_path / name))
    with pytest.raises(ValueError, match="description"):
        mark_spherical(tmp_path / "a.mkv")


def test_a_panorama_stays_one(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", moving(2, (128, 64)))
    mark_spherical(source)
    told: list[Progress] = []
    made = make(Request("stylize", str(source), (Style("starry-night"),)), Outputs(str(tmp_path / "out.mp4")), report=told.append)
    assert made.finished and is_spherical(str(tmp_path / "out.mp4"))
    assert [each.note for each in told if each.note] == [f"{source} says that it is a panorama, and is painted as one"]
