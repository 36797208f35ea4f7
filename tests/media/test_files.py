"""A file is there whole, or what was there before is."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from atelier.errors import OutputError
from atelier.media import atomic_file, atomic_write, check_place

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")


def alone(folder: Path, name: str) -> bool:
    return [path.name for path in folder.iterdir()] == [name]


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    atomic_write(b"one", target)
    atomic_write(b"two", str(target))
    assert target.read_bytes() == b"two"
    assert alone(tmp_path, "a.bin")


@posix
def test_permissions_are_those_of_a_plain_file_or_of_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    before = os.umask(0o027)
    try:
        atomic_write(b"one", target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    target.chmod(0o606)
    atomic_write(b"two", target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o606


@posix
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real.bin").write_bytes(b"old")
    link = tmp_path / "link.bin"
    link.symlink_to(tmp_path / "far" / "real.bin")
    atomic_write(b"new", link)
    assert link.is_symlink()
    assert (tmp_path / "far" / "real.bin").read_bytes() == b"new"


@posix
def test_devices_are_written_to_and_not_replaced() -> None:
    atomic_write(b"gone", os.devnull)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_plainly() -> None:
    with pytest.raises(OutputError, match="no space left"):
        atomic_write(b"x" * 100_000, "/dev/full")


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


@posix
def test_running_out_of_room_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")
    done = run(
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "from atelier.errors import OutputError\n"
        "from atelier.media import atomic_file, atomic_write, check_place\n"
        "try: atomic_write(b'x' * 200_000, 'a.bin')\n"
        "except OutputError as error: print(error)",
        tmp_path,
    )
    assert "a.bin cannot be written: File too large" in done.stdout, done.stderr
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert alone(tmp_path, "a.bin")


@posix
@pytest.mark.parametrize("moment", ["open", "os.rename"])
def test_ctrl_c_leaves_the_old_file_and_nothing_else(tmp_path: Path, moment: str) -> None:
    # the interpreter's own audit events give the instant: the new file just about to be opened, or to take its place
    (tmp_path / "a.bin").write_bytes(b"old")
    done = run(
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in what a shell put in the background
        "from atelier.media import atomic_file, atomic_write, check_place\n"
        "def watch(event, args):\n"
        f"    if event == {moment!r} and '.part' in str(args[0]):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "sys.addaudithook(watch)\n"
        "atomic_write(b'new' * 100_000, 'a.bin')",
        tmp_path,
    )
    assert done.returncode == -signal.SIGINT, done.stderr
    assert "KeyboardInterrupt" in done.stderr
    assert (tmp_path / "a.bin").read_bytes() == b"old"
    assert alone(tmp_path, "a.bin")


def test_the_folder_is_made(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "c.bin"
    assert check_place(target) == target
    assert not target.parent.exists()  # asking makes nothing
    atomic_write(b"one", target)
    assert target.read_bytes() == b"one"
    with atomic_file(tmp_path / "d" / "e.bin") as file:
        file.write(b"two")
    assert (tmp_path / "d" / "e.bin").read_bytes() == b"two"


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        atomic_write(b"", tmp_path)
    with pytest.raises(OutputError):
        atomic_write(b"", tmp_path / "a\0b")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file is no folder"):
        atomic_write(b"", tmp_path / "file" / "a.bin")
