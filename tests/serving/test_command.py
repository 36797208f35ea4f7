"""The commands of the service, and the single line that says what is wrong."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

Ended = Callable[..., tuple[int, str, str]]


def test_keys_are_made_listed_and_revoked(ended: Ended, tmp_path: Path) -> None:
    data = ("--data", tmp_path / "service")
    code, secret, _ = ended("keys", "add", "shop", "--scopes", "read", *data)
    assert code == 0 and secret.startswith("atl_")
    assert ended("keys", "list", *data)[1] == "shop  read  600/min  100 jobs\n"
    assert ended("keys", "revoke", "shop", *data)[0] == 0
    assert ended("keys", "list", *data)[1] == ""
    assert ended("keys", "revoke", "shop", *data)[0] == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("serve", "--host", "0.0.0.0", "--no-keys"), "open to everybody"),
        (("serve", "--database", "postgresql://me:secret@127.0.0.1:1/x"), "does not answer"),
        (("serve", "--database", "nonsense"), "does not answer"),
        (("serve", "--data", "/proc/none"), "cannot be made"),
        (("keys", "add", "x", "--scopes", "all"), "choose from read"),
    ],
)
def test_what_is_wrong_is_one_line(given: tuple[str, ...], words: str, ended: Ended, tmp_path: Path) -> None:
    data = () if "--data" in given else ("--data", tmp_path / "service")
    code, out, told = ended(*given, *data)
    assert (code, out) == (2, "")
    assert words in told and len(told.splitlines()) == 1
    assert "secret" not in told


def test_without_its_packages_one_line_says_what_to_install(ended: Ended, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "fastapi" else real(name, *more))
    code, _, told = ended("serve", "--data", tmp_path)
    assert code == 1 and "pip install 'atelier[serve]'" in told
