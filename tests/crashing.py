"""Kill a stage at any boundary it crosses, or give it a full disk; production code knows nothing of it.

A boundary is a rename, a statement that writes, or a commit: the power may fail after each.
Children are forked, so that a matrix of fifty deaths pays the imports once; and from a server that never
opens anything, for DuckDB's threads would not survive a fork of the test process. So a stage is a function
of a module, given with its arguments.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb

WRITES = ("commit", "insert", "merge", "delete", "update", "create", "copy", "call", "drop")
# Temp tables rest nowhere, and what is there already is not created.
WRITES_NOTHING = (" temp ", "if not exists")
# Larger than a JSON sidecar, smaller than any Parquet or DuckDB file of these tests.
FULL_DISK_BYTES = 300
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read when the server imports it
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.nights", "great_expectations", "tests.support.warm"])


class Boundaries:
    """Counts what is crossed; at the n-th (0: never), or at the first whose name begins so, something is done: once."""

    def __init__(self, at: int | str, act: Callable[[], object]) -> None:
        self.at, self.act, self.crossed, self.is_over = at, act, list[str](), False

    def __call__(self, name: str) -> None:
        self.crossed.append(name)
        is_here = name.startswith(self.at) if isinstance(self.at, str) else len(self.crossed) == self.at
        if is_here and not self.is_over:
            self.is_over = True
            self.act()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A DuckDB connection whose writing statements are boundaries."""

    def __init__(self, con: duckdb.DuckDBPyConnection, boundary: Boundaries) -> None:
        self._con, self._boundary = con, boundary

    def execute(self, sql: str, *more: Any) -> Any:
        statement = " ".join(sql.split())[:60]
        result = self._con.execute(sql, *more)
        # What lies before a statement is what lay after the one before it.
        if statement.lower().startswith(WRITES) and not any(
            word in statement.lower() for word in WRITES_NOTHING
        ):
            self._boundary(f"after {statement}")
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


def _child(pipe: Connection, work: Callable[..., object], args: tuple) -> None:
    pipe.send(work(*args))


def _forked(work: Callable[..., object], *args: Any) -> tuple[int, object]:
    """(exit code, what the child returned); a child killed by a signal has its negative number."""
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_child, args=(theirs, work, args))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        answer = None
    process.join()
    assert process.exitcode is not None
    return process.exitcode, answer


def _counted(stage: Callable[..., object], args: tuple) -> list[str]:
    boundary = Boundaries(0, die)
    _arm(boundary)
    stage(*args)
    return boundary.crossed


def undisturbed(stage: Callable[..., object], *args: Any) -> list[str]:
    """Run the stage in a child to its end; the boundaries it crossed."""
    code, answer = _forked(_counted, stage, args)
    assert code == 0 and isinstance(answer, list)
    return answer


def _doomed(at: int | str, stage: Callable[..., object], args: tuple) -> None:
    _arm(Boundaries(at, die))
    stage(*args)


def killed_at(at: int | str, stage: Callable[..., object], *args: Any) -> None:
    """Run the stage in a child that dies by SIGKILL at its n-th boundary, or at the first whose name begins so."""
    code, _ = _forked(_doomed, at, stage, args)
    assert code == -signal.SIGKILL, f"the stage ended by itself ({code}) before boundary {at}"


def _struck(at: str, act: Callable[[], object], stage: Callable[..., object], args: tuple) -> tuple[str, str]:
    _arm(Boundaries(at, act))
    try:
        stage(*args)
    except Exception as error:
        return type(error).__name__, str(error)
    return "", ""


def struck_at(
    at: str, act: Callable[[], object], stage: Callable[..., object], *args: Any
) -> tuple[str, str]:
    """Run the stage in a child, and at its first boundary whose name begins so do something to what it uses.

    The kind and the text of the error that it ended with; both empty where it came through.
    """
    code, answer = _forked(_struck, at, act, stage, args)
    assert code == 0 and isinstance(answer, tuple)
    return answer


def _without_space(stage: Callable[..., object], args: tuple) -> str:
    with Path(os.devnull).open("w") as nowhere:  # pytest keeps what is printed in a file, too
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_DISK_BYTES, FULL_DISK_BYTES))
    try:
        stage(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def on_a_full_disk(stage: Callable[..., object], *args: Any) -> str:
    """Run the stage where no file may grow beyond some bytes (RLIMIT_FSIZE: no mount, no root); its error.

    Writes fail as they do on a full disk, with another errno (EFBIG for ENOSPC).
    """
    code, answer = _forked(_without_space, stage, args)
    assert code == 0, "a full disk ended the process"
    return str(answer)


def ask_in_child(question: Callable[..., object], *args: Any) -> Any:
    """The answer of a fresh process, which holds no handle of an earlier one."""
    code, answer = _forked(question, *args)
    assert code == 0
    return answer


def at_once(stage: Callable[..., object], *args: Any, times: int = 2) -> list[int]:
    """Several processes start the stage together; their exit codes."""
    processes = [CONTEXT.Process(target=stage, args=args) for _ in range(times)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode or 0 for process in processes]
