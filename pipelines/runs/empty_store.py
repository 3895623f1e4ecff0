"""Dagster's SQLite files as a new instance has them: laid out once for the environment, copied from then on.

Dagster lays out each of them, and one more for every run, by SQLAlchemy and Alembic: that costs a second, and
reading Alembic's scripts each time costs another.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

SHARED = Path(sys.prefix) / "var" / "thongsuot" / "dagster"
# Under the storage's folder; the last one is of a run, and is copied under the run's own name.
RUNS, INDEX, SCHEDULES = "history/runs.db", "history/runs/index.db", "schedules/schedules.db"
ONE_RUN = "history/runs/one_run.db"


def lay_out(name: str, file: Path) -> bool:
    """Whether `file` is laid out now, by whomever; False where Dagster has to do it itself."""
    if is_laid_out(file):
        return True
    empty = _find_empty()
    if empty is None or file.exists():
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}.partial")
    shutil.copyfile(empty / name, draft)
    try:
        os.link(draft, file)  # never over a file that another process has just made
    except FileExistsError:
        return is_laid_out(file)
    finally:
        draft.unlink()
    return True


def is_laid_out(file: Path) -> bool:
    """Whether Alembic's stamp is in it, which Dagster writes last."""
    if not file.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True)) as con:
            return con.execute("select version_num from alembic_version").fetchone() is not None
    except sqlite3.Error:
        return False


def _find_empty() -> Path | None:
    """The environment's folder of empty files; made where it is not there yet, None where it cannot be."""
    folder = SHARED / version("dagster")
    if folder.exists():
        return folder
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        storage = DagsterSqliteStorage(str(draft))
        with storage.event_log_storage.run_connection(Path(ONE_RUN).stem):
            pass
        storage.dispose()
        draft.rename(folder)
    except OSError:
        return folder if folder.exists() else None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


if __name__ == "__main__":
    _find_empty()
