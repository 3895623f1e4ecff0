"""Who has a file open: for the message where another program's lock stops us."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipelines.masking import mask_secrets

# What SQLite and DuckDB say of a file that another program has locked.
LOCKED = re.compile(r"database is locked|could not set lock on file|database is busy", re.IGNORECASE)
# The files of an SQLite database beside its own: a program in the middle of something has these open.
BESIDE = ("", "-wal", "-shm", "-journal", ".wal")


class FileBusy(RuntimeError):
    """Another program has locked a file that is to be written; the text names it, and what to do."""


@contextmanager
def name_holders(*paths: Path, what_now: str) -> Iterator[None]:
    """Inside, what DuckDB says of a lock on one of these files is told as FileBusy, with who holds it."""
    try:
        yield
    except duckdb.Error as error:
        if not LOCKED.search(str(error)):
            raise
        # From nothing: a run tells the innermost cause, and that would be DuckDB's again.
        raise FileBusy(f"{describe_holders(paths)} {what_now}") from None


def describe_holders(paths: tuple[Path, ...] | list[Path]) -> str:
    """`catalog.sqlite is locked by another program: process 12 (python hold.py …).`, as far as it can be known."""
    names = " or ".join(str(path) for path in paths)
    holders = [text for path in paths for text in list_holders(path)]
    if not holders:
        return (
            f"{names} is locked by another program, which this machine does not show (another user's, or one on "
            f"another machine): a BI tool, a backup, a shell of SQLite or DuckDB."
        )
    return f"{names} is locked; it is open in {', '.join(dict.fromkeys(holders))}."


def list_holders(path: Path, processes: Path = Path("/proc")) -> list[str]:
    """`process 12 (python hold.py)` for every other process that has the file, or its journal, open (Linux)."""
    file_names = {f"{path.resolve()}{end}" for end in BESIDE}
    holders = []
    for folder in sorted(processes.glob("[0-9]*"), key=lambda p: int(p.name)):
        if int(folder.name) != os.getpid() and _has_open(folder, file_names):
            holders.append(f"process {folder.name} ({_read_command(folder)})")
    return holders


def _has_open(process: Path, names: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in names for link in (process / "fd").iterdir())
    except OSError:  # ended meanwhile, or another user's
        return False


def _read_command(process: Path) -> str:
    """The command, as far as a line is wide; what follows an option that names a secret is not shown."""
    try:
        words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "?"
    program, *rest = [word for word in words if word] or ["?"]
    script = [word for word in rest[:1] if not word.startswith("-")]
    return mask_secrets(" ".join([Path(program).name, *script]))[:80]
