"""Many photos into one folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from atelier.cli import main
from atelier.cli.style_words import parse_style
from atelier.image import Image
from atelier.media import write_still


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.png", "a.jpg", "b.png"):
        write_still(Image(rng.random((32, 40, 3), dtype=np.float32)), folder / name)
    return folder


def paint(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main(["stylize", *map(str, arguments)])
    return int(end.value.code or 0)


def test_photos_of_one_stem_are_both_kept(photos: Path, tmp_path: Path) -> None:
    assert paint(photos, "-s", photos / "b.png", "-o", f"{tmp_path}/out/", "-q") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-jpg.png", "a-png.png", "b.png"]
    assert paint(photos, "-s", photos / "b.png", "-o", tmp_path / "out.png", "-q") == 2


def test_a_run_ends_with_a_list_of_what_failed(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("c.png", "d.png"):
        (photos / name).write_bytes(b"no picture")
    assert paint(photos, "-s", photos / "b.png", "-o", f"{tmp_path}/out/") == 2
    last = capsys.readouterr().err.strip().splitlines()[-3:]
    assert last[0].endswith("2 of 5 photos were not painted:")
    assert [line.rpartition("/")[2] for line in last[1:]] == ["c.png", "d.png"]
    assert len(list((tmp_path / "out").iterdir())) == 3


@pytest.mark.parametrize(
    ("text", "source", "weight", "region"),
    [
        ("a.jpg=70%", "a.jpg", 0.7, ""),
        ("a.jpg=70%@sky", "a.jpg", 0.7, "sky"),
        ("a.jpg@sky=12.5%", "a.jpg", 0.125, "sky"),
        ("waves= 30 %", "waves", 0.3, ""),
        ("a.jpg=0.7", "a.jpg", 0.7, ""),
    ],
)
def test_a_weight_may_be_in_percent(text: str, source: str, weight: float, region: str) -> None:
    style = parse_style(text)
    assert (style.source, style.region) == (source, region)
    assert style.weight == pytest.approx(weight)
