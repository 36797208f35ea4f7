"""The page as files: whole or not at all, complete, and with nothing from elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import atelier.web.page
from atelier.errors import SettingError, TargetError
from atelier.web import open_preview, write_page

SOURCE = Path(atelier.web.page.__file__).parent
STATIC = SOURCE / "static"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("web") / "page")


def texts() -> Iterator[Path]:
    return (path for path in STATIC.rglob("*") if path.suffix in (".html", ".js", ".css", ".webmanifest"))


def test_all_that_is_vendored_is_listed_and_is_what_it_says(page: Path) -> None:
    told = (SOURCE / "runtime/VENDORED.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|.* (\d+) \| ([0-9a-f]{64}) \|$", told, re.MULTILINE)
    listed = {name for name, *_ in rows}
    assert listed == {path.name for path in (SOURCE / "runtime").iterdir() if path.suffix in (".mjs", ".wasm", ".xz")}
    for name, size, digest in rows:
        assert (SOURCE / "runtime" / name).stat().st_size == int(size)
        written = page / "runtime" / name.removesuffix(".xz")
        assert hashlib.sha256(written.read_bytes()).hexdigest() == digest
    assert (page / "runtime/LICENSE-onnxruntime.txt").read_text().startswith("MIT License")


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in texts():
        strange = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text(encoding="utf-8"))) - {"http://www.w3.org/2000/svg"}
        assert not strange, f"{path.name} names {strange}"


def test_what_modules_and_pages_name_is_there(page: Path) -> None:
    for path in texts():
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"from \"(\.[^\"]+)\"", text)
        named += re.findall(r"(?:src|href)=\"([^\"#:?]+\.[a-z]+)(?:#\w+)?\"", text)
        for name in named:
            assert (page / path.relative_to(STATIC).parent / name).resolve().is_file(), f"{path.name} names {name}"


def test_the_service_worker_knows_every_file_that_is_wanted(page: Path) -> None:
    text = (page / "sw.js").read_text(encoding="utf-8")
    shell, rest = (set(json.loads(re.search(rf"^const {name} = (.*);$", text, re.MULTILINE)[1])) for name in ("SHELL", "REST"))  # type: ignore[index]
    there = {path.relative_to(page).as_posix() for path in page.rglob("*") if path.is_file()}
    assert shell | rest == {"./"} | {name for name in there - {"sw.js"} if not name.endswith((".md", ".txt", "LICENSE"))}
    assert not any(name.endswith((".wasm", ".onnx")) for name in shell)  # a first visit is seen at once
    runtime = json.loads((page / "page.json").read_text())["runtime"]
    assert all(name in rest for kind in runtime.values() for name in kind.values())


def test_icons_and_manifest_make_it_installable(page: Path) -> None:
    from PIL import Image

    manifest = json.loads((page / "manifest.webmanifest").read_text())
    assert manifest["display"] == "standalone" and manifest["start_url"] == "./"
    for icon in manifest["icons"]:
        if icon["type"] == "image/png":
            with Image.open(page / icon["src"]) as picture:
                assert "x".join(map(str, picture.size)) == icon["sizes"]


def test_the_folder_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, data: bytes) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", broken)
    with pytest.raises(TargetError):
        write_page(tmp_path / "deep" / "page")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or path.name.endswith("page")]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(TargetError, match="something else"):
        write_page(tmp_path / "mine", overwrite=True)
    with pytest.raises(TargetError, match="a file"):
        write_page(tmp_path / "mine" / "letter.txt")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_page_is_written_anew_only_where_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()  # an empty folder is as good as none
    write_page(tmp_path / "page")
    (tmp_path / "page" / "old.js").write_text("")
    with pytest.raises(TargetError, match="already"):
        write_page(tmp_path / "page")
    write_page(tmp_path / "page", overwrite=True)
    assert not (tmp_path / "page" / "old.js").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_the_preview_serves_this_machine_alone_with_the_types_that_modules_need(page: Path) -> None:
    with open_preview(page) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            found = {
                name: urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/{name}").headers["Content-Type"]
                for name in ("worker.js", "runtime/ort.wasm.min.mjs", "runtime/ort-wasm-simd-threaded.wasm")
            }
        finally:
            server.shutdown()
            thread.join()
        assert list(found.values()) == ["text/javascript", "text/javascript", "application/wasm"]
        with pytest.raises(SettingError):
            open_preview(page, server.server_port)
