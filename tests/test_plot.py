"""Curves out of logs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from atelier.errors import SourceError, TargetError
from atelier.plot import draw, read_log


def write(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def curve(steps: int = 9) -> list[dict[str, Any]]:
    return [
        {"step": i, "stage": "a" if i < 4 else "b", "seconds": i / 10, "total": 3 / i, "style": 2 / i, "content": 1 / i}
        for i in range(1, steps + 1)
    ]


def test_reads_what_was_written(tmp_path: Path) -> None:
    assert read_log(write(tmp_path / "a.jsonl", curve())) == curve()


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_draws_in_the_suffixs_format(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"curves{suffix}"
    draw([write(tmp_path / "a.jsonl", curve()), write(tmp_path / "b.jsonl", curve(5))], out)
    start = out.read_bytes()[:2000]
    assert {".png": b"\x89PNG", ".svg": b"<svg", ".pdf": b"%PDF"}[suffix.lower()] in start


def test_a_panel_for_each_loss(tmp_path: Path) -> None:
    draw([write(tmp_path / "a.jsonl", [{"step": 1, "total": 1.0}, {"step": 2, "total": 0.5}])], tmp_path / "one.png")
    draw([write(tmp_path / "b.jsonl", curve())], tmp_path / "three.png")
    one, three = (Pillow.open(tmp_path / name).width for name in ("one.png", "three.png"))
    assert three == pytest.approx(3 * one, rel=0.01)


def test_losses_of_nothing_can_be_drawn(tmp_path: Path) -> None:
    draw([write(tmp_path / "a.jsonl", [{"step": 1, "total": 0.0}])], tmp_path / "out.png")
    assert (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "text",
    [
        "", "\n\n", "hello", "{}", '{"step": 1}', "[1]", "5", '{"step": 1, "total": 2}\n{"step"', '{"step": "x", "total": "y"}',
        '{"step": 1, "total": null}', '{"step": [1], "total": 2}',
    ],
)  # fmt: skip
def test_other_files_are_no_logs(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(SourceError, match="is no log of atelier"):
        draw([tmp_path / "a.jsonl"], tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_logs_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no log at"):
        read_log(tmp_path / "nothing.jsonl")
    with pytest.raises(SourceError):
        read_log(tmp_path)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="is no log"):
        read_log(tmp_path / "bytes.jsonl")


def test_places_are_checked(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", curve())
    with pytest.raises(TargetError, match=r"\.png, \.svg, \.pdf"):
        draw([log], tmp_path / "out.txt")
    with pytest.raises(TargetError, match="no folder"):
        draw([log], log / "out.png")


def test_without_matplotlib_the_extra_is_named(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", curve())
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from atelier.cli import main\n"
        f"main(['plot', {str(log)!r}, '--out', {str(tmp_path / 'out.png')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'atelier[plot]'" in done.stderr
    assert "Traceback" not in done.stderr
