"""Dagster's SQLite storage with one open connection per file, instead of a new one for every event.

A small run records some 4,000 events in three statements each; opening the file, and waiting for the disk
at every commit, took a third of its time. What Dagster hands over as a batch (`DAGSTER_EVENT_BATCH_SIZE`: what a run
intends to do, the partitions of an output) is one transaction, and so are a step's outputs and checks, which it hands
over one by one. Layout and content of the files are Dagster's own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dagster import DagsterEventType, EventLogEntry
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy.pool import StaticPool

from pipelines.addresses import DAGSTER_URL, read_postgres_url
from pipelines.runs.empty_store import INDEX, ONE_RUN, RUNS, SCHEDULES, lay_out
from pipelines.runs.event_masking import mask_event
from pipelines.runs.lineage import tell_lineage
from pipelines.runs.undelivered import observe_what_did_not_come

# Files of runs that stay open; the index is one of them.
OPEN_FILES = 8
# A step of a hundred models ends with an output and a check for each of hundreds: they wait for the event behind them.
WAITING = {DagsterEventType.STEP_OUTPUT, DagsterEventType.ASSET_CHECK_EVALUATION}
MOST_WAITING = 500


class EventStore(SqliteEventLogStorage):
    """Only where a connection comes from is ours, and in how many statements a batch is written."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._present: set[str] = set()  # tables and columns that were seen
        self._open_batch: dict[str, sa.Connection] = {}  # the transactions of the batch being written
        self._waiting: list[EventLogEntry] = []  # of one run, in order; written before anything is read
        self._in_index = 0  # so many of them are in the index already, and not yet with their run
        lay_out(INDEX, Path(base_dir) / Path(INDEX).name)
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            self._write_waiting()
            if shard in self._open_batch:
                yield self._open_batch[shard]
                return
            engine = self._open(shard)
            if shard not in self._initialized_dbs:
                if not lay_out(ONE_RUN, Path(self.path_for_shard(shard))):
                    self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as con, con.begin():
                yield con

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """As `store_event` for each, but of an asset's rows in the index only the last is written."""
        if not {event.dagster_event_type for event in events} <= ASSET_EVENTS | ASSET_CHECK_EVENTS:
            return super().store_event_batch(events)
        self._write_batch([observe_what_did_not_come(mask_event(event)) for event in events])

    def _write_batch(self, events: Sequence[EventLogEntry], *, are_waiting: bool = False) -> None:
        """Events of one run that are ready to be written: all are kept with the run, those of assets in the index."""
        [run_id] = {event.run_id for event in events}
        kinds = ASSET_EVENTS | ASSET_CHECK_EVENTS
        start = self._in_index if are_waiting else 0
        rows = [self._event_to_row(event) for event in events]  # each event is made a text of once
        indexed = [n for n, event in enumerate(events) if n >= start and event.dagster_event_type in kinds]
        with self._connect(run_id) as run:
            run.execute(SqlEventLogStorageTable.insert(), rows)
            if indexed:
                with self._connect(INDEX_SHARD_NAME) as index:
                    self._open_batch = {run_id: run, INDEX_SHARD_NAME: index}
                    try:
                        insert = SqlEventLogStorageTable.insert()
                        insert = insert.returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
                        ids: list[int] = list(index.execute(insert, [rows[n] for n in indexed]).scalars())
                        self._index_events(list(zip([events[n] for n in indexed], ids, strict=True)))
                    finally:
                        self._open_batch = {}
            if are_waiting:  # where the run's own file cannot be written, the index has them already
                self._in_index = len(events)

    def _index_events(self, numbered: Sequence[tuple[EventLogEntry, int]]) -> None:
        last = {}
        for event, event_id in numbered:
            if event.dagster_event_type in ASSET_CHECK_EVENTS:
                self.store_asset_check_event(event, event_id)
            elif event.dagster_event:
                last[event.dagster_event_type, event.dagster_event.asset_key] = (event, event_id)
        of_assets = [(e, n) for e, n in numbered if e.dagster_event_type in ASSET_EVENTS]
        if of_assets:
            self.store_asset_event_tags([e for e, _ in of_assets], [n for _, n in of_assets])
        for event, event_id in last.values():
            self.store_asset_event(event, event_id)

    def _open(self, shard: str) -> sa.Engine:
        """The engine of a file; under the lock, so that one connection serves every thread in turn."""
        if shard not in self._engines:
            while len(self._engines) >= OPEN_FILES:
                self._engines.pop(next(iter(self._engines))).dispose()
            engine = sa.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            # With a write-ahead log a crash of the machine may lose the last events, never the file.
            sa.event.listen(engine, "connect", lambda raw, _: raw.execute("pragma synchronous = normal"))
            self._engines[shard] = engine
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Asked for every event of an asset, by Dagster each time of a file opened anew; what is there stays."""
        if table_name not in self._present and super().has_table(table_name):
            self._present.add(table_name)
        return table_name in self._present

    def _has_asset_key_col_on_connection(self, conn: sa.Connection, column_name: str) -> bool:
        """Of the table of asset keys, for every event of an asset too."""
        column = f"{AssetKeyTable.name}.{column_name}"
        if column not in self._present and super()._has_asset_key_col_on_connection(conn, column_name):
            self._present.add(column)
        return column in self._present

    def store_event(self, event: EventLogEntry) -> None:
        event = observe_what_did_not_come(mask_event(event))
        with self._db_lock:
            is_other_run = bool(self._waiting) and self._waiting[0].run_id != event.run_id
            if is_other_run or len(self._waiting) >= MOST_WAITING:
                self._write_waiting()
            if event.run_id and event.dagster_event_type in WAITING:
                self._waiting.append(event)
            else:
                super().store_event(event)
        tell_lineage(event)

    def _write_waiting(self) -> None:
        events, self._waiting = self._waiting, []
        if events:
            try:
                self._write_batch(events, are_waiting=True)
            except BaseException:  # no space, say: they are of a run that must not end well without them
                self._waiting = events + self._waiting
                raise
            self._in_index = 0

    def dispose(self) -> None:
        with self._db_lock:
            self._write_waiting()
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


class Storage(DagsterSqliteStorage):
    """Runs, schedules and events where Dagster's own SQLite storage keeps them."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        folder = Path(base_dir)
        self.base_dir, self._inst_data = base_dir, inst_data
        self._event_log_storage = EventStore(str((folder / INDEX).parent))
        self._run_storage = _open_storage(SqliteRunStorage, RUNS, folder)
        self._schedule_storage = _open_storage(SqliteScheduleStorage, SCHEDULES, folder)
        DagsterStorage.__init__(self)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Any:
        """In PostgreSQL where `THONGSUOT_DAGSTER_URL` names a database."""
        if url := read_postgres_url(DAGSTER_URL, os.environ.get(DAGSTER_URL) or None):
            from pipelines.runs.remote_events import RemoteStorage

            return RemoteStorage(url, inst_data)
        return cls.from_local(inst_data=inst_data, **config_value)


def _open_storage(kind: Any, name: str, folder: Path) -> Any:
    """Without a look at Alembic's scripts where the file is laid out."""
    file = folder / name
    if lay_out(name, file):
        return kind(create_db_conn_string(str(file.parent), file.stem))
    return kind.from_local(str(file.parent))
