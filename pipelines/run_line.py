"""`thongsuot run`: the whole line as one Dagster run in this process, history kept for the UI."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from pipelines.landing.batches import newest
from pipelines.settings import Settings

# The demo's sources go on for a day or more after the published cut-off; `run` stops at its day.
DEMO_LAST_DAY = date(2025, 8, 6)


class LineOutcome(NamedTuple):
    success: bool
    text: str


def missing_days(settings: Settings, first: date, last: date) -> list[date]:
    """Days of the dossier log without any landed batch, oldest first."""
    landed = newest(settings.landing, "dossier_log")
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.isoformat() not in landed]


def run_line(
    settings: Settings,
    first: date,
    last: date,
    *,
    as_of: str | None,
    again: bool,
    reason: str,
    progress: Callable[[str], None],
) -> LineOutcome:
    """Bring the days up to date and publish; a failure's own words are returned, not a stack."""
    from dagster import DagsterEventType, DagsterInstance

    logging.disable(logging.INFO)
    progress("loading definitions…")
    from pipelines.definitions import defs

    wanted = [first, last] if again else missing_days(settings, first, last)
    config = {"warehouse": {"config": {"as_of": as_of}}} if as_of else {}
    config["release"] = {"config": {"author": "thongsuot", "reason": reason}}
    tags = {}
    if wanted:
        tags["dagster/asset_partition_range_start"] = wanted[0].isoformat()
        tags["dagster/asset_partition_range_end"] = wanted[-1].isoformat()
    name = "nightly" if wanted else "publish_only"
    progress(f"{name}: {wanted[0]}..{wanted[-1]}" if wanted else "nothing to pull: build and publish")
    with DagsterInstance.get() as instance:
        result = defs.resolve_job_def(name).execute_in_process(
            instance=instance, run_config={"ops": config}, tags=tags, raise_on_error=False
        )
        if not result.success:
            failures = [
                event.event_specific_data.error_display_string or event.message or ""
                for event in result.all_events
                if event.event_type == DagsterEventType.STEP_FAILURE
            ]
            told = "\n".join(failures)
            return LineOutcome(
                False, f"Run {result.run_id} failed; the last release is still served.\n{told}"
            )
        made = {
            key: value.value
            for event in result.asset_materializations_for_node("release")
            for key, value in event.metadata.items()
        }
    pulled = (
        f"{wanted[0]}..{wanted[-1]} pulled" if wanted else f"{first}..{last} already landed, nothing to pull"
    )
    kind = "new release" if made["new release"] else "no new release: still release"
    return LineOutcome(True, f"{pulled}; {kind} {made['release']} ({made['why']}).")
