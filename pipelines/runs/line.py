"""`thongsuot run`: the whole line as one Dagster run in this process, history kept for the UI."""

from __future__ import annotations

import logging
import re
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from typing import Any, NamedTuple

from rich.progress import Progress, TaskID

from pipelines.landing.batches import find_newest_batches
from pipelines.quality.missing_days import find_missing_days
from pipelines.quality.validate import find_pending
from pipelines.runs.alive import running
from pipelines.settings import ONLY_MISSING_TAG, Settings
from pipelines.sources.contracts.contract import load_contracts

# The demo's sources go on for a day after the published cut-off; `run` stops at its day.
DEMO_LAST_DAY = date(2025, 8, 6)
START_TAG, END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class LineOutcome(NamedTuple):
    success: bool
    text: str


class Plan(NamedTuple):
    """Which job runs, over which days (none: only build and publish), and why, in words."""

    job: str
    days: list[date]
    why: str


def plan(settings: Settings, first: date, last: date, *, again: bool, revalidate: bool) -> Plan:
    """What brings the range up to date: pull what is missing, validate what was left, then publish.

    A run that was stopped between landing and validation left batches without a report, and a
    corrected map or suite leaves reports by other rules: the next run heals both.
    """
    contracts = load_contracts(settings.sources_file)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    if revalidate:
        return Plan("revalidate", every, f"{first}..{last} validated again")
    offered = {
        day for source in contracts.sources.values() for day in find_missing_days(source, every, settings)
    }
    missing = every if again else [day for day in every if day in offered]
    judged = [
        date.fromisoformat(batch.partition)
        for source in contracts.sources.values()
        for batch in find_pending(
            source, find_newest_batches(settings.landing, source.name).values(), settings.quality
        )
    ]
    left = sorted({day for day in judged if first <= day <= last})
    if missing:
        days = [day for day in every if min([*missing, *left]) <= day <= max([*missing, *left])]
        return Plan("nightly", days, f"{days[0]}..{days[-1]} pulled")
    if left:
        days = [day for day in every if left[0] <= day <= left[-1]]
        return Plan("revalidate", days, f"{first}..{last} already landed, {len(left)} days validated")
    return Plan("publish_only", [], f"{first}..{last} already landed, nothing to pull")


def run_line(
    settings: Settings,
    first: date,
    last: date,
    *,
    as_of: str | None,
    again: bool,
    revalidate: bool,
    reason: str,
    progress: Progress,
) -> LineOutcome:
    """Bring the days up to date and publish; a failure's own words are returned, not a stack."""
    # A failure is told in its own words below; its stack stands in the run's history, for the UI.
    logging.disable(logging.ERROR)
    bar = progress.add_task("loading definitions", total=None)
    chosen = plan(settings, first, last, again=again, revalidate=revalidate)
    config: dict[str, Any] = {"release": {"config": {"author": "thongsuot", "reason": reason}}}
    if as_of:
        config["warehouse"] = {"config": {"as_of": as_of}}
    tags = {START_TAG: str(chosen.days[0]), END_TAG: str(chosen.days[-1])} if chosen.days else {}
    if not again:
        tags[ONLY_MISSING_TAG] = "true"
    failed, made = _executed(settings, chosen.job, config, tags, progress, bar)
    if failed:
        return LineOutcome(False, failed)
    kind = "new release" if made["new release"] else "no new release: still release"
    return LineOutcome(True, f"{chosen.why}; {kind} {made['release']} ({made['why']}).")


def restore_line(settings: Settings, release_id: int, reason: str, progress: Progress) -> LineOutcome:
    """Job `restore`: the content of an old release published as a new one, then exported."""
    logging.disable(logging.ERROR)
    bar = progress.add_task("loading definitions", total=None)
    confirmed = {"restore": release_id, "confirm": f"restore release {release_id}"}
    config = {"release": {"config": {"author": "thongsuot", "reason": reason, **confirmed}}}
    failed, made = _executed(settings, "restore", config, {}, progress, bar)
    if failed:
        return LineOutcome(False, failed)
    kind = f"release {made['release']} restores it" if made["new release"] else "nothing to restore"
    return LineOutcome(True, f"release {release_id}: {kind} ({made['why']}).")


def _executed(
    settings: Settings,
    job_name: str,
    config: dict[str, Any],
    tags: dict[str, str],
    progress: Progress,
    bar: TaskID,
) -> tuple[str | None, dict[str, Any]]:
    """One job in this process: what failed, in words (None: nothing), and the release's metadata."""
    from dagster import DagsterInstance

    from pipelines.definitions import defs

    job, run_id = defs.resolve_job_def(job_name), str(uuid.uuid4())
    progress.update(bar, total=len(job.graph.nodes), description=job_name)
    with (
        DagsterInstance.get() as instance,
        running(settings, instance, run_id),
        _followed(settings, run_id, progress, bar),
    ):
        result = job.execute_in_process(
            instance=instance, run_config={"ops": config}, tags=tags, raise_on_error=False, run_id=run_id
        )
    if not result.success:
        told = "\n".join(_causes(result.all_events))
        return f"Run {result.run_id} failed; the last release is still served.\n{told}", {}
    return None, {
        key: value.value
        for event in result.asset_materializations_for_node("release")
        for key, value in event.metadata.items()
    }


@contextmanager
def _followed(settings: Settings, run_id: str, progress: Progress, bar: TaskID) -> Iterator[None]:
    """Moves the bar with the run's own event log, read beside it; the run itself knows nothing of it."""
    log = settings.dagster / "history" / "runs" / f"{run_id}.db"
    query = (
        "select step_key, dagster_event_type = 'STEP_SUCCESS' from event_logs "
        "where dagster_event_type in ('STEP_START', 'STEP_SUCCESS') order by id"
    )
    stop = threading.Event()

    def follow() -> None:
        while not stop.wait(0.5):
            with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as con:
                steps = con.execute(query).fetchall()
                done = sum(ended for _, ended in steps)
                progress.update(bar, completed=done, description=str(steps[-1][0]) if steps else "…")

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield
    finally:
        stop.set()
        follower.join()


def _causes(events: list[Any]) -> list[str]:
    """The failing steps' own words, and those of blocking checks, innermost cause first."""
    told = []
    for event in events:
        if event.event_type_value == "STEP_FAILURE":
            error = event.event_specific_data.error
            while error.cause is not None:
                error = error.cause
            if "DagsterAssetCheckFailedError" in error.message:
                continue  # the blocking check below says which batch, and why
            # Dagster leads with the class; ours speak for themselves.
            said = re.sub(r"^pipelines[\w.]+: ", "", error.message.strip())
            told.append(f"{event.step_key}: {said}")
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            checked = event.event_specific_data
            if not checked.passed and "blocked" in checked.metadata:
                told.append(str(checked.metadata["blocked"].value))
    return told
