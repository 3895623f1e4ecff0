"""Kill a stage at any boundary it crosses, or give it a full disk; production code knows nothing of it.

A boundary is a rename, a statement that writes, or a commit: the power may fail after each.
Children are forked, so that a matrix of fifty deaths pays the imports once. Nothing may have opened
DuckDB in the parent before: its threads do not survive a fork, and one that holds a lock would hang.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

WRITES = ("commit", "insert", "merge", "delete", "update", "create", "copy", "call", "drop")
# Temp tables rest nowhere, and what is there already is not created.
WRITES_NOTHING = (" temp ", "if not exists")
# Larger than a JSON sidecar, smaller than any Parquet or DuckDB file of these tests.
FULL_DISK_BYTES = 300


class Boundaries:
    """Counts what is crossed and ends the process at the n-th (0: never)."""

    def __init__(self, at: int) -> None:
        self.at, self.crossed = at, list[str]()

    def __call__(self, name: str) -> None:
        self.crossed.append(name)
        if len(self.crossed) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A DuckDB connection whose writing statements are boundaries."""

    def __init__(self, con: duckdb.DuckDBPyConnection, boundary: Boundaries) -> None:
        self._con, self._boundary = con, boundary

    def execute(self, sql: str, *more: Any) -> Any:
        told = " ".join(sql.split())[:60]
        result = self._con.execute(sql, *more)
        # What lies before a statement is what lay after the one before it.
        if told.lower().startswith(WRITES) and not any(word in told.lower() for word in WRITES_NOTHING):
            self._boundary(f"after {told}")
        return result

    def cursor(self) -> Watched:
        return Watched(self._con.cursor(), self._boundary)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *error: object) -> None:
        self._con.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)


def _arm(boundary: Boundaries) -> None:
    renames, connects = Path.replace, duckdb.connect

    def replace(self: Path, target: Any) -> Any:
        boundary(f"before rename to {Path(target).name}")  # what is renamed was written by others too
        done = renames(self, target)
        boundary(f"after rename to {Path(target).name}")
        return done

    def connect(*words: Any, **more: Any) -> Any:
        return Watched(connects(*words, **more), boundary)

    Path.replace = replace  # type: ignore[method-assign, assignment]
    duckdb.connect = connect  # type: ignore[assignment]


def _forked(work: Callable[[], object]) -> tuple[int, object]:
    """(exit code, what the child returned); a child killed by a signal has its negative number."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def child() -> None:
        theirs.send(work())

    process = context.Process(target=child)
    process.start()
    theirs.close()
    try:
        told = ours.recv()
    except EOFError:
        told = None
    process.join()
    assert process.exitcode is not None
    return process.exitcode, told


def undisturbed(stage: Callable[[], object]) -> list[str]:
    """Run the stage in a child to its end; the boundaries it crossed."""

    def work() -> list[str]:
        boundary = Boundaries(0)
        _arm(boundary)
        stage()
        return boundary.crossed

    code, told = _forked(work)
    assert code == 0 and isinstance(told, list)
    return told


def killed_at(number: int, stage: Callable[[], object]) -> None:
    """Run the stage in a child that dies by SIGKILL at its n-th boundary."""

    def work() -> None:
        _arm(Boundaries(number))
        stage()

    code, _ = _forked(work)
    assert code == -signal.SIGKILL, f"the stage ended by itself ({code}) before boundary {number}"


def on_a_full_disk(stage: Callable[[], object]) -> str:
    """Run the stage where no file may grow beyond some bytes (RLIMIT_FSIZE: no mount, no root); its error.

    Writes fail as they do on a full disk, with another errno (EFBIG for ENOSPC).
    """

    def work() -> str:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, FULL_DISK_BYTES))
        try:
            stage()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    code, told = _forked(work)
    assert code == 0, "a full disk ended the process"
    return str(told)


def asked(question: Callable[[], object]) -> Any:
    """The answer of a fresh process, which holds no handle of an earlier one."""
    code, told = _forked(question)
    assert code == 0
    return told


def at_once(stage: Callable[[], object], times: int = 2) -> list[int]:
    """Several processes start the stage together; their exit codes."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=stage) for _ in range(times)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode or 0 for process in processes]
