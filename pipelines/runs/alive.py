"""Whether a run of `thongsuot run` still lives: its process holds a lock that the kernel lets go with it.

A killed run keeps its slot of the warehouse pool in Dagster's storage, and every later run would wait for
it; nobody else notices that a run in the operator's own process is dead.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.settings import Settings

KILLED = "The process of this run was killed. The last release is still served; the next run heals."


@contextmanager
def running(settings: Settings, instance: Any, run_id: str) -> Iterator[None]:
    """Mark a run as alive for as long as the block, after clearing away the dead. `instance`: Dagster's."""
    clear(settings, instance)
    path = _folder(settings) / f"{run_id}.run"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        draft.replace(path)  # seen only once it is locked
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def clear(settings: Settings, instance: Any) -> list[str]:
    """Runs whose process is gone are marked as failed and give back their slots; their ids."""
    abandoned = [path for path in _folder(settings).glob("*.run") if _is_abandoned(path)]
    for path in abandoned:
        run = instance.get_run_by_id(path.stem)
        if run and not run.is_finished:
            instance.report_run_failed(run, KILLED)
        instance.event_log_storage.free_concurrency_slots_for_run(path.stem)
        path.unlink(missing_ok=True)
    return sorted(path.stem for path in abandoned)


def _folder(settings: Settings) -> Path:
    return settings.dagster / "running"


def _is_abandoned(path: Path) -> bool:
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True
