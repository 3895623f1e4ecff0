"""Dagster's SQLite storage with one open connection per file, instead of a new one for every event.

A small run records some 1,500 events in three statements each; opening the file, and waiting for the disk
at every commit, took a third of its time. Layout and content of the files are Dagster's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dagster._core.storage.event_log.schema import AssetKeyTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from sqlalchemy.pool import StaticPool

from pipelines.runs.event_masking import mask_event

# Files of runs that stay open; the index is one of them.
OPEN_FILES = 8


class EventStore(SqliteEventLogStorage):
    """Every method is Dagster's; only where a connection comes from is ours."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._present: set[str] = set()  # tables and columns that were seen
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._open(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as con, con.begin():
                yield con

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

    def store_event(self, event: Any) -> None:
        super().store_event(mask_event(event))

    def store_event_batch(self, events: Sequence[Any]) -> None:
        super().store_event_batch([mask_event(event) for event in events])

    def dispose(self) -> None:
        super().dispose()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()


class Storage(DagsterSqliteStorage):
    """Runs, schedules and events where Dagster's own SQLite storage keeps them."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = EventStore(str(Path(base_dir) / "history" / "runs"))

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Storage:
        return cls.from_local(inst_data=inst_data, **config_value)
