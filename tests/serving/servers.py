"""Servers of others that the service can use: PostgreSQL from Debian's packages, object storage by moto."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL of its own in a folder of its own, reached by a socket there; its URL. Skips where it is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = programs[-1].parent if programs else Path(shutil.which("initdb") or "/").parent
    if not (found / "initdb").exists():
        pytest.skip("needs PostgreSQL (Debian's package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="atelier-pg-"))
    user = None
    if os.getuid() == 0:  # which PostgreSQL does not run as
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, user, -1)
    how = {"user": user, "cwd": folder, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=60"
    try:
        subprocess.run([found / "initdb", "-D", folder / "data", "-U", "atelier", "--auth=trust", "-E", "UTF8", "--no-sync"], **how)
        subprocess.run([found / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start"], **how)
        try:
            yield f"postgresql://atelier@/postgres?host={folder}"
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                subprocess.run([found / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop"], **how)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def object_storage() -> Iterator[str]:
    """An S3-compatible storage at an address of this machine, with a bucket `atelier`."""
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        import boto3

        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="atelier")
        yield f"http://{host}:{port}"
    finally:
        server.stop()
