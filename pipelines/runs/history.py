"""What Dagster's instance knows of earlier runs, wherever it keeps them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from pipelines.runs.execute import END_TAG, START_TAG, list_causes
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
    """A job with a run that failed; `run_id`: the newest. `since`: when the first of those began, local time."""

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


# First and last day that a run was to pull; None of a run that pulls none.
Days = tuple[date, date]


def list_failed_jobs(
    healing: Collection[str] = (), has_days: Callable[[date, date], bool] = lambda first, last: True
) -> list[FailedJob]:
    """Jobs with a run that failed and that no later success makes up for.

    That is one of the same or a `healing` job; where the failed run was to pull days, it pulled them too, or
    `has_days(first, last)`: nothing of them is missing any more.
    """
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    finished = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]
    with DagsterInstance.get() as instance:
        after = datetime.now(UTC) - timedelta(days=DAYS_BACK)
        records = instance.get_run_records(
            RunsFilter(statuses=finished, created_after=after), limit=MOST_RUNS
        )
        return list(_find_failed(instance, records, healing, has_days))


def _find_failed(
    instance: Any, records: list[Any], healing: Collection[str], has_days: Callable[[date, date], bool]
) -> Iterator[FailedJob]:
    """`records`: newest first."""
    from dagster import DagsterEventType, DagsterRunStatus

    streaks: dict[str, list[Any]] = {}
    successes: list[tuple[str, Days | None]] = []
    for record in records:
        job, days = record.dagster_run.job_name, _read_days(record.dagster_run.tags)
        if record.dagster_run.status is DagsterRunStatus.SUCCESS:
            successes.append((job, days))
            continue
        later = [pulled for name, pulled in successes if name == job or name in healing]
        if not later or (days and not any(_covers(one, days) for one in later) and not has_days(*days)):
            streaks.setdefault(job, []).append(record)
    kinds = {DagsterEventType.STEP_FAILURE, DagsterEventType.ASSET_CHECK_EVALUATION}
    for job, streak in streaks.items():
        newest, oldest = streak[0], streak[-1]
        events = [e.dagster_event for e in instance.all_logs(newest.dagster_run.run_id, kinds)]
        since = datetime.fromtimestamp(oldest.start_time or oldest.create_timestamp.timestamp(), LOCAL_ZONE)
        yield FailedJob(job, newest.dagster_run.run_id, since, list_causes(events))


def _read_days(tags: Mapping[str, str]) -> Days | None:
    """Of a run of one partition that day; a partition that is none (another job's) counts as no day."""
    one = tags.get("dagster/partition")
    first, last = tags.get(START_TAG, one), tags.get(END_TAG, one)
    try:
        return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
    except ValueError:
        return None


def _covers(pulled: Days | None, days: Days) -> bool:
    return pulled is not None and pulled[0] <= days[0] and days[1] <= pulled[1]


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
