"""One writer at a time: who waits says for whom, stops at its limit, and at a signal."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines import duck
from pipelines.cli import Operator
from pipelines.cli.console import hold_writer
from pipelines.file_holders import FileBusy
from pipelines.lake import catalogue, location
from pipelines.runs import alive
from pipelines.runs.lock import Busy, ForeignFile, exclusive, read_holder
from pipelines.settings import PROJECT, Settings


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_lock_is_named_and_not_waited_for(
    settings: Settings, make: Callable[[Path], None]
) -> None:
    settings.data.mkdir(exist_ok=True)
    make(settings.data / "writer.lock")
    with pytest.raises(ForeignFile, match=r"writer\.lock is no plain file"), exclusive(settings):
        pass


def test_who_waits_says_for_whom_and_gives_up_at_its_limit(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with exclusive(settings), caplog.at_level(logging.WARNING, "pipelines"):
        holder = read_holder(settings)
        assert holder is not None and holder.pid == os.getpid()
        with (
            pytest.raises(Busy, match=rf"process {os.getpid()} \(.*since 20\d\d-") as error,
            exclusive(settings, 0.3),
        ):
            raise AssertionError("two writers")
    assert error.value.holder == holder
    assert [r.message for r in caplog.records] == [f"waiting for {holder}"]


def test_a_command_that_waits_says_for_whom_also_in_a_pipe(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    message, until = "", time.monotonic() + 30
    with exclusive(settings):
        holder = read_holder(settings)
        waiting = threading.Thread(target=wait_as_a_command, args=(settings,))
        waiting.start()
        while "\n" not in message and waiting.is_alive() and time.monotonic() < until:
            message += capsys.readouterr().err
            waiting.join(0.02)
    waiting.join()
    assert f"WARNING waiting for {holder}" in message


def wait_as_a_command(settings: Settings) -> None:
    with hold_writer(settings):
        pass


def test_no_command_takes_the_lock_in_silence() -> None:
    modules = [path for path in (PROJECT / "pipelines" / "cli").glob("*.py") if path.name != "console.py"]
    assert [path.name for path in modules if "exclusive(" in path.read_text(encoding="utf-8")] == []


def test_the_lock_is_free_after_its_block_and_belongs_to_the_next(settings: Settings) -> None:
    for _ in range(2):
        with exclusive(settings, 0):
            assert read_holder(settings) is not None
    assert (settings.data / "writer.lock").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["", "not a number\nnor a time\n", "12"])
def test_a_lock_that_names_nobody_is_waited_for_all_the_same(tmp_path: Path, text: str) -> None:
    settings = Settings(data=tmp_path)
    with exclusive(settings):
        (tmp_path / "writer.lock").write_text(text)
        with pytest.raises(Busy, match="another run"), exclusive(settings, 0):
            raise AssertionError("two writers")


def test_a_waiting_writer_ends_at_the_signal(settings: Settings) -> None:
    """As in a step of Dagster's, where the signal raises in the main thread."""

    class Stopped(BaseException):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with exclusive(settings), pytest.raises(Stopped):
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
            with exclusive(settings, 60):
                raise AssertionError("two writers")
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("call", ["open", "fchmod"])
def test_a_lock_of_another_account_is_named_with_the_way_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(f"pipelines.runs.lock.os.{call}", refuse)
    with (
        pytest.raises(
            ForeignFile, match=rf"writer\.lock belongs to another .*sudo chown -R \w+ {settings.data}"
        ),
        exclusive(settings),
    ):
        raise AssertionError("no lock")


def test_a_mark_of_another_account_is_named_with_the_way_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    mark = settings.dagster / "running" / "a.run"
    mark.parent.mkdir(parents=True)
    mark.touch()
    monkeypatch.setattr(alive, "_open_at_once", refuse)
    with pytest.raises(ForeignFile, match=r"a\.run belongs to another account \(\w+\).*sudo chown -R"):
        alive.settle_runs(settings, None)


def test_a_command_says_it_in_one_line() -> None:
    main = Operator("main")

    @main.command()
    def look() -> None:
        raise ForeignFile("writer.lock belongs to another account")

    answer = CliRunner().invoke(main, ["look"])
    assert answer.exit_code == 1 and answer.output == "Error: writer.lock belongs to another account\n"


HOLD_SQLITE = """
import sqlite3, sys
con = sqlite3.connect(sys.argv[1], isolation_level=None)
con.execute("begin immediate")
print("held", flush=True)
sys.stdin.read()
"""
HOLD_DUCKDB = (
    "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
)


@contextmanager
def holding(script: str, path: Path) -> Iterator[int]:
    """A program that has the file locked, as a BI tool or a backup would; its number."""
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        assert child.stdout.readline() == b"held\n"
        yield child.pid
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


def test_a_program_that_holds_the_catalogue_is_named_and_the_next_writer_does_what_was_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "BUSY_TIMEOUT_MS", 100)
    with catalogue.open_lake(settings, read_only=False) as con:
        catalogue.initialise_lake(con)
    with (
        holding(HOLD_SQLITE, catalogue.catalog_file(settings)) as pid,
        pytest.raises(FileBusy, match=rf"catalog\.sqlite.* process {pid} \(python.*still served.*run again"),
        exclusive(settings),
        catalogue.open_lake(settings, read_only=False) as con,
    ):
        catalogue.initialise_lake(con)
    with exclusive(settings), catalogue.open_lake(settings, read_only=False) as con:
        catalogue.initialise_lake(con)


def test_a_program_that_holds_the_warehouse_is_named(settings: Settings) -> None:
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with (
        holding(HOLD_DUCKDB, settings.warehouse) as pid,
        pytest.raises(FileBusy, match=rf"warehouse\.duckdb.* process {pid} \(python"),
        exclusive(settings),
    ):
        duck.connect(settings.extensions, settings.warehouse)


def test_another_fault_of_the_database_is_told_as_it_is(settings: Settings) -> None:
    with pytest.raises(duckdb.CatalogException), exclusive(settings):
        duckdb.execute("from nothing_of_that_name")
