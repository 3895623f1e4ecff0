"""What Dagster's instance knows of earlier runs, wherever it keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pipelines.runs.execute import list_causes
from pipelines.settings import LOCAL_ZONE

# Further back nobody asks why a run failed.
DAYS_BACK = 30
MOST_RUNS = 500


class LastRun(NamedTuple):
    """`status` in Dagster's words, lower case; `started_at`: local time, None before it starts."""

    run_id: str
    status: str
    started_at: datetime | None

    def __str__(self) -> str:
        started = f" {self.started_at:%Y-%m-%d %H:%M:%S} ({LOCAL_ZONE})" if self.started_at else ""
        return f"{self.run_id[:8]} {self.status}{started}"


class FailedJob(NamedTuple):
    """A job whose newest run failed. `since`: when the first of its failures in a row began, local time."""

    job: str
    run_id: str
    since: datetime
    causes: list[str]


def read_last_run() -> LastRun | None:
    """The newest run of the instance that DAGSTER_HOME names, from the command line, the UI or a schedule."""
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        records = instance.get_run_records(limit=1)
    if not records:
        return None
    (record,) = records
    started = datetime.fromtimestamp(record.start_time, LOCAL_ZONE) if record.start_time else None
    return LastRun(record.dagster_run.run_id, record.dagster_run.status.value.lower(), started)


def list_failed_jobs(healing: Collection[str] = ()) -> list[FailedJob]:
    """Jobs whose newest finished run failed, but for those after which a run of a `healing` job succeeded."""
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    finished = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    with DagsterInstance.get() as instance:
        after = datetime.now(UTC) - timedelta(days=DAYS_BACK)
        records = instance.get_run_records(
            RunsFilter(statuses=finished, created_after=after), limit=MOST_RUNS
        )
        return list(_find_failed(instance, records, healing))


def _find_failed(instance: Any, records: list[Any], healing: Collection[str]) -> Iterator[FailedJob]:
    """`records`: newest first."""
    from dagster import DagsterEventType, DagsterRunStatus

    streaks: dict[str, list[Any]] = {}
    over: set[str] = set()
    is_healed = False
    for record in records:
        job = record.dagster_run.job_name
        if record.dagster_run.status is DagsterRunStatus.SUCCESS:
            over.add(job)
            is_healed = is_healed or job in healing
        elif job not in over and not is_healed:
            streaks.setdefault(job, []).append(record)
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.ASSET_CHECK_EVALUATION}
    for job, streak in streaks.items():
        newest, oldest = streak[0], streak[-1]
        events = [e.dagster_event for e in instance.all_logs(newest.dagster_run.run_id, kinds)]
        since = datetime.fromtimestamp(oldest.start_time or oldest.create_timestamp.timestamp(), LOCAL_ZONE)
        yield FailedJob(job, newest.dagster_run.run_id, since, list_causes(events))


def find_last_publication() -> datetime | None:
    """When the step that publishes last ended well, also where it had nothing new to publish; local time."""
    from dagster import AssetKey, DagsterInstance

    with DagsterInstance.get() as instance:
        event = instance.get_latest_materialization_event(AssetKey("release"))
    return datetime.fromtimestamp(event.timestamp, LOCAL_ZONE) if event else None


def find_last_heartbeat() -> datetime | None:
    """When Dagster's scheduler was last seen alive; None where it never was."""
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        heartbeat = instance.get_daemon_heartbeats().get("SCHEDULER")
    return datetime.fromtimestamp(heartbeat.timestamp, LOCAL_ZONE) if heartbeat else None


def list_stopped_schedules() -> list[str]:
    """Schedules that somebody switched off in Dagster's pages."""
    from dagster import DagsterInstance
    from dagster._core.scheduler.instigation import InstigatorStatus, InstigatorType

    with DagsterInstance.get() as instance:
        states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return sorted(state.instigator_name for state in states if state.status is InstigatorStatus.STOPPED)


class RunTimes(NamedTuple):
    """The newest finished run. `seconds`: stage → how long its steps took together."""

    job: str
    is_success: bool
    ended_at: datetime
    seconds: dict[str, float]


def read_run_times() -> RunTimes | None:
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    finished = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    with DagsterInstance.get() as instance:
        records = instance.get_run_records(RunsFilter(statuses=finished), limit=1)
        if not records or records[0].end_time is None:
            return None
        run = records[0].dagster_run
        steps = instance.get_run_step_stats(run.run_id)
    seconds: dict[str, float] = {}
    for step in steps:
        if step.start_time and step.end_time:
            # `landing__dossier_log` is a step of the stage `landing`.
            stage = step.step_key.partition("__")[0]
            seconds[stage] = seconds.get(stage, 0.0) + step.end_time - step.start_time
    is_success = run.status is DagsterRunStatus.SUCCESS
    return RunTimes(
        run.job_name, is_success, datetime.fromtimestamp(records[0].end_time, LOCAL_ZONE), seconds
    )
