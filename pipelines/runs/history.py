"""What Dagster's instance knows of earlier runs, wherever it keeps them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from pipelines.settings import LOCAL_ZONE


class LastRun(NamedTuple):
    """`status` in Dagster's words, lower case; `started_at`: local time, None before it starts."""

    run_id: str
    status: str
    started_at: datetime | None

    def __str__(self) -> str:
        started = f" {self.started_at:%Y-%m-%d %H:%M:%S} ({LOCAL_ZONE})" if self.started_at else ""
        return f"{self.run_id[:8]} {self.status}{started}"


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
