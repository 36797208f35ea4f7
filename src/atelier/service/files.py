"""Files of jobs, in a folder or in object storage: uploads and results, under names that the service makes up."""

from __future__ import annotations

import re
from typing import Any

import fsspec

from atelier.service.problem import Problem

NAME = re.compile(r"(uploads|results|previews)/[0-9a-f]{32}(?:[/-][\w.-]+)?")


class Files:
    """Storage at a URL of fsspec's (a path, s3://bucket/prefix). A file is there whole or not at all."""

    def __init__(self, url: str, options: dict[str, Any] | None = None) -> None:
        self.system, root = fsspec.core.url_to_fs(url, **(options or {}))
        self.root = root.rstrip("/")
        self.local = "file" in (self.system.protocol if isinstance(self.system.protocol, tuple) else (self.system.protocol,))

    def put(self, name: str, data: bytes) -> None:
        """Write a file."""
        path = self._path(name)
        if not self.local:
            self.system.pipe_file(path, data)  # object storage shows nothing half-written
            return
        from atelier.media.files import atomic_write

        atomic_write(data, path)

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file, or its bytes from start up to end. Raises Problem (410) where it is gone."""
        try:
            return self.system.cat_file(self._path(name), start=start, end=end)  # type: ignore[no-any-return]
        except FileNotFoundError:
            raise Problem(410, "the file is gone", "its time was over, or somebody removed it") from None

    def delete(self, name: str) -> None:
        """Delete a file or folder, if it is there."""
        path = self._path(name)
        try:
            self.system.rm(path, recursive=True)
        except FileNotFoundError:
            return

    def check(self) -> None:
        """Raise what writing would."""
        self.put(f"uploads/{'0' * 32}/check", b"ok")
        self.delete(f"uploads/{'0' * 32}")

    def _path(self, name: str) -> str:
        if not NAME.fullmatch(name) or ".." in name:
            raise ValueError(f"no name of the service's: {name!r}")
        return f"{self.root}/{name}"
