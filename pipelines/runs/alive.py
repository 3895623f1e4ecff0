"""Which runs still live, whoever started them; what the dead left in Dagster's store is settled.

A run holds a lock on its mark that the kernel lets go with its process. Dagster itself does not notice that a
process is gone, and whatever waits for such a run would wait for ever.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from pipelines.data_format import upgrade_format
from pipelines.log import get_logger
from pipelines.runs.drafts import remove_drafts
from pipelines.runs.lock import name_owner
from pipelines.runs.processes import is_process_since
from pipelines.settings import Settings

LOG = get_logger(__name__)
KILLED = "The process of this run is gone. The last release is still served; the next run heals."
# A run that Dagster launched has no process for a moment. Nothing is loaded for longer than this.
LAUNCH = timedelta(minutes=5)
# What a full disk or a locked store raises; whatever else goes wrong is a fault of ours and may show.
STORE_ERRORS = (sa.exc.DBAPIError, sqlite3.Error, OSError)


# Marks of this process that end with it, and not before.
KEPT_MARKS: list[IO[str]] = []


@contextmanager
def running(settings: Settings, instance: Any, run_id: str) -> Iterator[None]:
    """Mark a run as alive for as long as the block, and settle the dead. `instance`: Dagster's.

    The mark stays where the store does not know the run as finished: the next start settles it.
    """
    with _mark(settings, run_id):
        try:
            settle_runs(settings, instance)
            yield
        finally:
            if _is_settled(instance, run_id):
                _path(settings, run_id).unlink(missing_ok=True)


def mark_process(settings: Settings, instance: Any, run_id: str) -> None:
    """Mark a run as alive for as long as this process, which does nothing else, and settle the dead."""
    KEPT_MARKS.append(_mark(settings, run_id))
    settle_runs(settings, instance)


def settle_runs(settings: Settings, instance: Any) -> list[str]:
    """Runs whose process is gone are failed or canceled, and give back their slots; their ids. Their drafts go.

    One that cannot be stored (no space) keeps its mark, and is settled at a later start.
    """
    remove_drafts(settings)
    dead = {path.stem: path for path in _folder(settings).glob("*.run") if _is_abandoned(path, settings)}
    runs = {run_id: instance.get_run_by_id(run_id) for run_id in dead}
    runs |= _find_dead_without_mark(settings, instance)
    settled = []
    for run_id, run in runs.items():
        try:
            if run and not run.is_finished:
                _settle(instance, run)
                settled.append(run_id)
            instance.event_log_storage.free_concurrency_slots_for_run(run_id)
        except STORE_ERRORS as error:
            LOG.warning("a dead run could not be settled", run=run_id, error=type(error).__name__)
            continue
        _path(settings, run_id).unlink(missing_ok=True)
    _free_slots(instance)
    return sorted(settled)


def _settle(instance: Any, run: Any) -> None:
    from dagster import DagsterRunStatus

    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, KILLED)
    else:
        instance.report_run_failed(run, KILLED)


def _is_settled(instance: Any, run_id: str) -> bool:
    """Finished, or never begun, as far as the store can be read."""
    try:
        run = instance.get_run_by_id(run_id)
    except STORE_ERRORS:
        return False
    return run is None or run.is_finished


def _find_dead_without_mark(settings: Settings, instance: Any) -> dict[str, Any]:
    """Runs in progress that ended before they had a mark: while they were launched, or under older code."""
    from dagster import DagsterRunStatus, RunsFilter

    # A queued run has no process yet and keeps nobody waiting.
    statuses = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
    records = instance.get_run_records(RunsFilter(statuses=statuses))
    return {
        record.dagster_run.run_id: record.dagster_run
        for record in records
        if not _path(settings, record.dagster_run.run_id).exists() and not _has_process(instance, record)
    }


def _has_process(instance: Any, record: Any) -> bool:
    """By the process that the run's own events name; without one, by how long nothing happened."""
    from dagster import DagsterEventType

    for entry in reversed(instance.all_logs(record.dagster_run.run_id, DagsterEventType.ENGINE_EVENT)):
        pid = entry.dagster_event.engine_event_data.metadata.get("pid")
        if pid is not None and str(pid.value).isdigit():
            return is_process_since(int(pid.value), datetime.fromtimestamp(entry.timestamp, UTC))
    changed_at = record.update_timestamp
    changed_at = changed_at if changed_at.tzinfo else changed_at.replace(tzinfo=UTC)
    return bool(datetime.now(UTC) - changed_at < LAUNCH)


def _free_slots(instance: Any) -> None:
    """Slots of any concurrency pool whose run is finished or unknown go to whoever waits for them."""
    store = instance.event_log_storage
    run_ids = set(store.get_concurrency_run_ids())
    for info in map(store.get_concurrency_info, store.get_concurrency_keys()):
        run_ids |= {slot.run_id for slot in info.claimed_slots}
    for run_id in run_ids:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            try:
                store.free_concurrency_slots_for_run(run_id)
            except STORE_ERRORS as error:
                LOG.warning("a slot could not be freed", run=run_id, error=type(error).__name__)


def _mark(settings: Settings, run_id: str) -> IO[str]:
    """The run's mark, locked for as long as it is open. A run is also where a data directory gets its format."""
    upgrade_format(settings)
    path = _path(settings, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with name_owner(path.parent, settings):
        handle = draft.open("w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    draft.replace(path)  # seen only once it is locked
    return handle


def _folder(settings: Settings) -> Path:
    return settings.dagster / "running"


def _path(settings: Settings, run_id: str) -> Path:
    return _folder(settings) / f"{run_id}.run"


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _is_abandoned(path: Path, settings: Settings) -> bool:
    try:
        # What is no file is no run's mark, and is not waited for.
        with name_owner(path, settings), open(path, opener=_open_at_once) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    return True
