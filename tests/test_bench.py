"""The table of seconds beside the source paper's: what is measured, what is told, and what happens where something is missing."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from atelier import bench
from atelier.bench import PAPER, Plan, machine, make_up, measure, parse_sizes, result, timing
from atelier.cli import benching, main  # noqa: F401  (benching adds its command)
from atelier.engines.network import catalogue, engine
from atelier.engines.network.plan import Plan as Body
from atelier.errors import Cancelled, SettingError, SourceError
from atelier.image import encode
from atelier.progress import Progress
from atelier.training.export.painter import painter_model
from atelier.training.export.reader import reader_model
from atelier.training.painter import Painter, Reader

pytestmark = pytest.mark.usefixtures("quick_networks")

POCKET = catalogue.models_folder() / "pocket.safetensors"
LOOKS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
NOTHING = (sys.executable, "-c", "pass")
"""A process that does nothing in place of the command line, where its seconds are not the point."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny random networks: a body for any painting with its reader, and one for styles by name with one style."""
    import torch

    torch.manual_seed(0)
    made = tmp_path_factory.mktemp("models")
    pocket = safetensors.numpy.load_file(POCKET)
    channels = {name: len(pocket[f"{name}.bias"]) for name in LOOKS}
    tiny: dict[str, Any] = {"fine": 16, "wide": 16, "deep": 16, "half": 16, "blocks": 1, "deep_blocks": 1, "rank": 2}
    plans = {"painter": Body(**tiny, seen=(channels["conv3_1"], channels["conv4_1"])), "styles": Body(**tiny)}
    for name, plan in plans.items():
        state = {key: value.numpy() for key, value in Painter(plan).state_dict().items()}
        (made / f"{name}.onnx").write_bytes(painter_model(state, plan, pocket, {}))
    reader = {key: value.numpy() for key, value in Reader(plans["painter"], channels, 8, 16, 8).state_dict().items()}
    (made / "reader.onnx").write_bytes(reader_model(reader, pocket, {}))
    rng = np.random.default_rng(0)
    numbers = (rng.standard_normal((2, plans["styles"].numbers)) * 0.1).astype(np.float16)
    swatch = np.frombuffer(encode(make_up(32, 5), "jpg"), np.uint8)
    colors = np.concatenate([np.full((1, 3), 0.5), 0.05 * np.eye(3)]).astype(np.float32)
    tensors = {"photo.numbers": numbers[0], "waves.numbers": numbers[1], "waves.colours": colors, "waves.swatch": swatch}
    about = {"body": catalogue.BODY, "styles": json.dumps({"waves": {"title": "Waves", "painter": "Nobody", "year": 2000}})}
    safetensors.numpy.save_file(tensors, made / "styles.safetensors", about)
    return made


@pytest.fixture
def models(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same in the place of those that ship, with a cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    installed(folder, monkeypatch)
    yield folder
    forget()


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forget()
    for module in (catalogue, engine):
        monkeypatch.setattr(module, "models_folder", lambda: folder)


def forget() -> None:
    """What was read of another folder."""
    catalogue.shipped.cache_clear()
    catalogue.left_as_it_is.cache_clear()


def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "atelier.engines.optimize.engine", raising=False)


def squares() -> Callable[[], float]:
    """A clock that tells 0, 1, 4, 9 ...: the seconds of the piece of work number k, from 0, are 4 k + 1."""
    count = itertools.count()
    return lambda: float(next(count) ** 2)


def test_the_papers_table() -> None:
    found = {size: (each.traditional, each.implemented) for size, each in PAPER.items()}
    assert found == {256: (5.4, 5.0), 512: (15.1, 14.7), 1024: (30.5, 28.6)}
    assert tuple(PAPER) == Plan().sizes


def test_every_size_is_measured_every_way(models: Path) -> None:
    told: list[Progress] = []
    result = measure(Plan((16, 24), runs=3, quick=True, device="cpu"), report=told.append, clock=squares(), command=NOTHING)
    assert result.finished
    assert not result.notes
    assert [row.size for row in result.rows] == [16, 24]
    for first, row in zip((0, 7), result.rows, strict=True):  # 3 warm runs, 3 cold, 1 of the optimiser
        assert row.network == [4 * k + 1 for k in range(first, first + 3)]
        assert row.cold == [4 * k + 1 for k in range(first + 3, first + 6)]
        assert row.optimize == [4 * (first + 6) + 1]
        assert row.iterations == 2
    assert result.network["body"] == "any painting"
    assert result.optimizer == {"device": "cpu"}
    assert (told[-1].step, told[-1].of) == (34, 34)
    assert all(a.step <= b.step for a, b in itertools.pairwise(told))


def test_ratios_are_of_medians_in_the_same_run(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "PAPER", {16: bench.Published(34.0, 20.0)})
    row, other = measure(Plan((16, 17), runs=3, quick=True), clock=squares(), command=NOTHING).rows
    # medians: network 5 of 1, 5, 9; cold 17 of 13, 17, 21; the optimiser 25
    assert row.ratios == pytest.approx(
        {
            "paper_traditional_to_optimize": 34 / 25, "paper_implemented_to_network": 20 / 5, "paper_implemented_to_cold": 20 / 17,
            "optimize_to_network": 25 / 5, "optimize_to_cold": 25 / 17,
        }
    )  # fmt: skip
    assert other.paper is None
    assert other.ratios["paper_traditional_to_optimize"] is None
    assert other.ratios["optimize_to_network"] == other.optimize[0] / statistics.median(other.network)


def test_a_style_by_name_is_painted_by_its_own_body(models: Path) -> None:
    result = measure(Plan((16,), style="waves", runs=1, quick=True), command=NOTHING)
    assert result.network["body"] == "named styles"
    assert not result.notes
    assert result.rows[0].optimize  # which paints from the style's swatch


def test_cold_runs_are_the_command_line(models: Path, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import sys\nfrom atelier.engines.network import catalogue, engine\n"
        f"folder = Path({str(models)!r})\nfor module in (catalogue, engine):\n    module.models_folder = lambda: folder\n"
        "from atelier.cli import main\nmain()"
    )
    photo = tmp_path / "wide.png"
    photo.write_bytes(encode(make_up(48), "png"))
    result = measure(Plan((16,), photo=str(photo), runs=1, quick=True), command=(sys.executable, "-c", program))
    assert not result.notes
    assert result.rows[0].cold[0] > result.rows[0].network[0]


def test_without_torch_the_optimizers_column_is_empty(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_torch(monkeypatch)
    result = measure(Plan((16, 24), runs=1, quick=True), command=NOTHING)
    assert result.finished
    assert [(len(row.network), len(row.cold), len(row.optimize)) for row in result.rows] == [(1, 1, 0), (1, 1, 0)]
    (note,) = result.notes
    assert "optimiser" in note
    assert "pip install 'atelier[torch]'" in note
    assert result.rows[0].ratios["optimize_to_network"] is None
    assert result.rows[0].to_dict()["optimize"] is None
    assert not result.optimizer


def test_a_command_that_fails_says_why(models: Path) -> None:
    failing = (sys.executable, "-c", "import sys; sys.exit('atelier: the reason')")
    result = measure(Plan((16, 24), runs=2, quick=True), command=failing)
    assert not any(row.cold for row in result.rows)
    assert all(row.network and row.optimize for row in result.rows)
    assert [note for note in result.notes if "start to file" in note and note.endswith("the reason")] == result.notes


def test_where_nothing_can_be_measured_the_reason_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path / "nowhere", monkeypatch)
    without_torch(monkeypatch)
    with pytest.raises(SourceError, match=r"^there is no file .*nowhere.painter\.onnx$"):
        measure(Plan((16,), runs=1, quick=True), command=(sys.executable, "-c", "raise SystemExit(1)"))


@pytest.mark.parametrize("stage", ["network", "start to file", "optimiser"])
def test_stopped_it_tells_what_there_is(models: Path, stage: str) -> None:
    def report(progress: Progress) -> None:
        if progress.subject.startswith("24 px") and stage in progress.subject:
            raise Cancelled

    result = measure(Plan((16, 24, 32), runs=1, quick=True), report=report, command=NOTHING)
    assert not result.finished
    assert [row.size for row in result.rows] == [16, 24]
    done, broken = result.rows
    assert done.network and done.cold and done.optimize
    assert not broken.optimize


@pytest.mark.parametrize(
    "given",
    [
        {"sizes": ()}, {"sizes": (15,)}, {"sizes": (8193,)}, {"sizes": (0,)}, {"sizes": (-256,)}, {"sizes": (256, 256)}, {"sizes": (True,)},
        {"sizes": ("256",)}, {"sizes": (256.0,)}, {"runs": 0}, {"runs": -1}, {"runs": 1001}, {"runs": 1.5},
    ],
)  # fmt: skip
def test_plans_that_make_no_sense(given: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=r"(sizes|runs)"):
        Plan(**given)


def test_sizes_as_text() -> None:
    assert parse_sizes("256, 512,") == (256, 512)
    for text in ("large", "256;512", "2e2", "256,5 12"):
        with pytest.raises(SettingError, match=r"`?sizes`?"):
            parse_sizes(text)


def test_the_machine_is_told_as_json_has_it() -> None:
    about = machine()
    assert json.loads(json.dumps(about)) == about
    assert about["cpu"]
    assert about["cores"] >= 1
    assert about["memory_gib"] is None or about["memory_gib"] > 0
    assert about["numpy"] == np.__version__
    assert {"torch", "onnxruntime", "openvino"} <= about.keys()


def test_the_make_up_photo_is_like_one() -> None:
    image = make_up(128)
    np.testing.assert_array_equal(image.pixels, make_up(128).pixels)
    assert not np.array_equal(image.pixels, make_up(128, 1).pixels)
    assert image.shape == (128, 128)
    assert image.pixels.std() > 0.1
    # the amplitude of photos falls about as 1/f (Field 1987): between 1/f^0.7 and 1/f^1.6 over three octaves
    gray = image.pixels.mean(2)
    gray = (gray - gray.mean()) * np.outer(np.hanning(128), np.hanning(128))
    spectrum = abs(np.fft.fft2(gray))
    radius = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None]) * 128
    low, high = (spectrum[(radius >= r) & (radius < 1.5 * r)].mean() for r in (5, 40))
    assert 0.7 < np.log2(low / high) / 3 < 1.6


# The command line -----------------------------------------------------------------------------------------------------

Ended = tuple[int, str, str]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    monkeypatch.setattr(timing, "COMMAND", NOTHING)

    def ended(*arguments: object) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(["bench", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return int(end.value.code or 0), out, err

    return ended


def test_the_table_is_printed(models: Path, command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "PAPER", {24: bench.Published(5.4, 5.0)})
    code, out, err = command("--quick", "--sizes", "16,24", "--runs", 1)
    assert code == 0
    for word in ("16²", "24²", "any painting", "onnxruntime", str(machine()["cpu"]), "measure nothing"):
        assert word in out
    cells = {line.split("  ")[0]: line.split()[-2:] for line in map(str.strip, out.splitlines())}
    assert cells["traditional, the paper's"] == ["–", "5.4"]
    assert cells["implemented, the paper's"] == ["–", "5"]
    assert cells["its iterations"] == ["2", "2"]
    assert "24 px, optimiser" in err


def test_quiet_it_says_nothing(models: Path, command: Callable[..., Ended]) -> None:
    assert command("--quick", "--sizes", "16", "--quiet") == (0, "", "")


def test_json_holds_all_numbers(models: Path, command: Callable[..., Ended], tmp_path: Path) -> None:
    code, out, _ = command("--quick", "--sizes", "16", "--json", "-")
    assert code == 0
    told = json.loads(out)
    code, out, _ = command("--quick", "--sizes", "16", "--json", tmp_path / "bench.json")
    assert code == 0
    assert "16²" in out
    assert json.loads((tmp_path / "bench.json").read_text()).keys() == told.keys()
    assert told.keys() == {
        "program", "when", "machine", "photo", "style", "runs", "quick", "device", "seed", "recipe", "plain_iterations", "network",
        "optimizer", "rows", "notes", "finished",
    }  # fmt: skip
    (row,) = told["rows"]
    assert row.keys() == {"size", "paper", "optimize", "network", "cold", "ratios"}
    assert row["paper"] is None
    for name, runs in (("optimize", 1), ("network", 2), ("cold", 2)):
        assert len(row[name]["seconds"]) == runs
        assert row[name]["median"] == pytest.approx(statistics.median(row[name]["seconds"]))
        assert row[name]["least"] == min(row[name]["seconds"])
    assert row["optimize"]["iterations"] == 2
    assert row["ratios"]["optimize_to_network"] == pytest.approx(row["optimize"]["median"] / row["network"]["median"])
    assert told["plain_iterations"] == 500


def test_stopped_the_exit_code_says_so(
    models: Path, command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stopping(self: Any, row: Any, content: Any) -> None:
        raise Cancelled

    monkeypatch.setattr(bench.Bench, "cold", stopping)
    code, out, _ = command("--quick", "--sizes", "16,24", "--json", tmp_path / "part.json")
    assert code == 130
    assert "16²" in out
    assert "24²" not in out
    assert "Stopped" in out
    told = json.loads((tmp_path / "part.json").read_text())
    assert not told["finished"]
    assert told["rows"][0]["network"]
    assert told["rows"][0]["cold"] is None


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--sizes", "large"), "--sizes large"), (("--sizes", "8"), "from 16 to 8192"), (("--sizes", ","), "--sizes is empty"),
        (("--sizes", "64,64"), "twice"), (("--runs", "0"), "--runs 0"), (("--quick", "--runs", "-1"), "--runs -1"),
        (("--photo", "-"), "standard input"), (("--photo", "nowhere.jpg"), "nowhere.jpg"), (("--json", "/dev/null/a.json"), "folder"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(models: Path, command: Callable[..., Ended], arguments: tuple[str, ...], word: str) -> None:
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("atelier: ")
    assert len(err.splitlines()) == 1
    assert word in err


def test_the_photo_is_not_overwritten(models: Path, command: Callable[..., Ended], photo: Path) -> None:
    before = photo.read_bytes()
    code, _, err = command("--quick", "--photo", photo, "--json", photo)
    assert code == 2
    assert "atelier: " in err
    assert photo.read_bytes() == before
