"""Dagster's storage in PostgreSQL (`THONGSUOT_DAGSTER_URL`): what is recorded is masked as in the files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from dagster import EventLogEntry
from dagster._core.storage.base_storage import DagsterStorage
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import DagsterPostgresException

from pipelines.addresses import DAGSTER_URL
from pipelines.lake.server_errors import ServerUnreachable
from pipelines.runs.event_masking import mask_event
from pipelines.runs.lineage import tell_lineage
from pipelines.runs.undelivered import observe_what_did_not_come

PLACE = f"Dagster's database ({DAGSTER_URL})"
# A server's words (auth.c, hba.c, postinit.c); one that speaks another language is waited for.
REFUSED = re.compile(r"does not exist|authentication failed|no pg_hba.conf entry|permission denied")


class RemoteEvents(PostgresEventLogStorage):
    def store_event(self, event: EventLogEntry) -> None:
        super().store_event(observe_what_did_not_come(mask_event(event)))
        tell_lineage(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        super().store_event_batch([observe_what_did_not_come(mask_event(event)) for event in events])


class RemoteStorage(DagsterPostgresStorage):
    """Runs, schedules and events in one database, which Dagster has for itself."""

    def __init__(self, url: str, inst_data: Any = None) -> None:
        """ServerUnreachable where the database is not there, or lets nobody in; after a minute where nobody answers."""
        _check_login(url)
        # Dagster's package speaks through psycopg2, which SQLAlchemy has to be told.
        self.postgres_url = "postgresql+psycopg2://" + url.partition("://")[2]
        self.should_autocreate_tables, self._inst_data = True, inst_data
        try:
            self._run_storage = PostgresRunStorage(self.postgres_url)
            self._event_log_storage = RemoteEvents(self.postgres_url)
            self._schedule_storage = PostgresScheduleStorage(self.postgres_url)
        except DagsterPostgresException as error:
            cause = error.__cause__
            raise ServerUnreachable(PLACE, cause if isinstance(cause, Exception) else error) from None
        DagsterStorage.__init__(self)


def _check_login(url: str) -> None:
    """What waiting does not mend; the rest Dagster tries again by itself."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        if REFUSED.search(str(error)):
            raise ServerUnreachable(PLACE, error) from None
