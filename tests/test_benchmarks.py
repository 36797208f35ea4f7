"""The arithmetic of the benchmarks, on numbers made up: what the tables of docs/ come from."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_strokes_are_the_geometric_mean_of_the_middle_layers() -> None:
    import machine

    errors = machine.Errors((0.5, 0.1, 0.2, 0.4, 0.8), 0.6)
    assert errors.strokes == pytest.approx((0.1 * 0.2 * 0.4) ** (1 / 3))
    assert errors.style == pytest.approx(0.4)
    assert tuple(errors.by_name()) == machine.COLUMNS
    assert machine.mean_errors([errors, errors]) == pytest.approx(errors.by_name())


def test_what_peers_painted_is_found_by_photo_and_style(tmp_path: Path) -> None:
    import painters

    (tmp_path / "peers").mkdir()
    lines = [
        {"photo": "kodim03", "painting": "hokusai_d1849_great_wave", "who": "MicroAST", "errors": [0.1] * 5, "content": 0.7},
        {"photo": "kodim03", "painting": "great-wave", "who": "fst", "errors": [0.2] * 5, "content": 0.8},
    ]
    (tmp_path / "peers" / "table.json").write_text(json.dumps(lines))
    found = painters.read_peers(tmp_path)
    assert set(found) == {("MicroAST", "kodim03", "great-wave"), ("fst", "kodim03", "great-wave")}
    assert found["fst", "kodim03", "great-wave"]["strokes"] == pytest.approx(0.2)
    assert painters.read_peers(tmp_path / "peers") == {}


def test_ratios_are_of_pairs_that_both_painted(capsys: pytest.CaptureFixture[str]) -> None:
    import painters

    def row(photo: str, who: str, error: float) -> dict[str, object]:
        return {"photo": photo, "painting": "udnie", "who": who, "strokes": error, "style": error, "content": 1.0}

    rows = [row("a", "named", 0.2), row("a", "fst", 0.1), row("b", "named", 0.4), row("b", "fst", 0.1), row("c", "named", 9.0)]
    whole = painters.compare_all(rows)[-1]
    assert whole["painting"] == "all" and whole["pairs"] == 2
    assert whole["strokes median"] == pytest.approx(3) and whole["strokes worst"] == pytest.approx(4)
    assert whole["content worst"] == 1
    assert "named / fst" in capsys.readouterr().out


def test_strokes_at_equal_content_lie_between_two_weights() -> None:
    import pocket

    lines = [{"content": 0.4, "strokes": 0.04}, {"content": 0.6, "strokes": 0.01}]
    value, between = pocket.at_content(lines, 0.5)
    assert between and value == pytest.approx(math.sqrt(0.04 * 0.01))
    assert pocket.at_content(lines, 0.9) == (0.01, False)
