"""Old runs leave Dagster's storage; what they made stays: batches, reports, releases, and their chain.

Dagster itself keeps every event for ever. In its pages a day whose only run has gone is shown as not made; it is
not pulled again for that, since what is missing goes by the batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipelines.settings import Settings

KEEP_DAYS = 400
# Of each job the newest runs stay, however old: the watch and the metrics go by them.
KEEP_OF_A_JOB = 10


def prune_runs(settings: Settings, keep_days: int = KEEP_DAYS, *, dry_run: bool = False) -> Iterator[str]:
    """Ids of the finished runs that go, oldest first, with their events and what they printed: each as it has gone."""
    from dagster import DagsterInstance, RunsFilter
    from dagster._core.storage.dagster_run import FINISHED_STATUSES

    before = datetime.now(UTC) - timedelta(days=keep_days)
    deletions: list[str] = []
    try:
        with DagsterInstance.get() as instance:
            old = instance.get_run_records(
                RunsFilter(statuses=list(FINISHED_STATUSES), created_before=before), ascending=True
            )
            kept: set[str] = set()
            for job in {record.dagster_run.job_name for record in old}:
                newest = instance.get_runs(RunsFilter(job_name=job), limit=KEEP_OF_A_JOB)
                kept |= {run.run_id for run in newest}
            for run_id in (record.dagster_run.run_id for record in old):
                if run_id in kept:
                    continue
                if not dry_run:
                    instance.delete_run(run_id)
                    deletions.append(run_id)
                yield run_id
                if not dry_run:
                    instance.compute_log_manager.delete_logs(prefix=[run_id])
    finally:
        for run_id in deletions:
            _drop_file(settings, run_id)


def _drop_file(settings: Settings, run_id: str) -> None:
    """Dagster's SQLite storage has a file of events per run, and leaves it empty."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(OSError):
            Path(settings.dagster / "history" / "runs" / f"{run_id}.db{suffix}").unlink()
