"""Dagster's storage in PostgreSQL (`THONGSUOT_DAGSTER_URL`): what is recorded is masked as in the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dagster import EventLogEntry
from dagster._core.storage.base_storage import DagsterStorage
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)

from pipelines.runs.event_masking import mask_event
from pipelines.runs.lineage import tell_lineage
from pipelines.runs.undelivered import observe_what_did_not_come


class RemoteEvents(PostgresEventLogStorage):
    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(observe_what_did_not_come(mask_event(event)))
        tell_lineage(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        super().store_event_batch([observe_what_did_not_come(mask_event(event)) for event in events])


class RemoteStorage(DagsterPostgresStorage):
    """Runs, schedules and events in one database, which Dagster has for itself."""

    def __init__(self, url: str, inst_data: Any = None) -> None:
        # Dagster's package speaks through psycopg2, which SQLAlchemy has to be told.
        self.postgres_url = "postgresql+psycopg2://" + url.partition("://")[2]
        self.should_autocreate_tables, self._inst_data = True, inst_data
        self._run_storage = PostgresRunStorage(self.postgres_url)
        self._event_log_storage = RemoteEvents(self.postgres_url)
        self._schedule_storage = PostgresScheduleStorage(self.postgres_url)
        DagsterStorage.__init__(self)
