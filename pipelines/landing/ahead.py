"""A range of days, landed in turn: where the source lets it, they are pulled ahead of their turn.

Small days together, by one statement; of large ones a few at once, each written to a file that waits for its turn.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime
from queue import SimpleQueue
from types import TracebackType

import duckdb

from pipelines import duck
from pipelines.landing.gathered import BatchContent, TooManyRows, drop_table, gather_days
from pipelines.landing.personal import batch_sql
from pipelines.landing.written import choose_checks
from pipelines.log import get_logger
from pipelines.privacy.detectors import register_detectors
from pipelines.settings import Settings
from pipelines.sources.connectors import find_connector
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import SourceError
from pipelines.sources.mapping import observe_matches
from pipelines.sources.states import unfold_milestones

LOG = get_logger(__name__)
# A group costs a twentieth of a second of the processor, whatever its days; the first tells how many rows a day has.
GROWTH, MOST_DAYS = 8, 64
# They lie in memory until the last of them is a batch.
MOST_ROWS = duck.ROW_GROUP
# A day of more rows than an eighth of that costs more by lying there than its statement takes to be planned.
FEWEST_DAYS = 8
# One question fills one core, and a source is not to be asked more at a time.
PULLS = 2


class DaysAhead:
    """Each group has GROWTH times as many as the one before, while their rows are few. Closed, it leaves nothing."""

    def __init__(self, days: Sequence[date]) -> None:
        self._days, self._size, self._most_rows = list(days), 1, 0
        self._may_gather = False
        self._pulled: dict[date, BatchContent] = {}
        self._large: LargeDays | None = None

    def __enter__(self) -> DaysAhead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._large:
            self._large.close()

    def allow(self) -> None:
        """One statement may read several days of the source, and several statements a day each."""
        self._may_gather = True

    def learn(self, rows: int) -> None:
        """How many rows a day had."""
        self._most_rows = max(self._most_rows, rows)

    def find(
        self, source: Source, partition: date, settings: Settings, con: duckdb.DuckDBPyConnection
    ) -> Future[BatchContent] | None:
        """The day, pulled with those that follow it; None where it is to be pulled alone.

        Its result raises what pulling it raised.
        """
        if self._may_gather and partition in self._days and partition not in self._pulled:
            most_days = MOST_ROWS // max(self._most_rows, 1)
            at = self._days.index(partition)
            if self._pulled:
                drop_table(con)
                self._pulled = {}
            if most_days < FEWEST_DAYS:
                self._large = self._large or LargeDays(source, settings)
                return self._large.take(self._days[at : at + 1 + PULLS], self._most_rows)
            self._size = min(GROWTH * self._size, MOST_DAYS, most_days)
            days = self._days[at : at + self._size]
            self._pulled = self._gather(source, days, settings, con) if len(days) > 1 else {}
        if partition not in self._pulled:
            return None
        pulled = Future[BatchContent]()
        pulled.set_result(self._pulled[partition])
        return pulled

    def _gather(
        self, source: Source, days: list[date], settings: Settings, con: duckdb.DuckDBPyConnection
    ) -> dict[date, BatchContent]:
        try:
            table, contents = gather_days(source, days, settings, con, MOST_ROWS)
        except TooManyRows:
            self._size = 1
            return {}
        except SourceError as error:
            # What waited for its end waits once: each of the days that follow would wait as long again.
            LOG.info("days are pulled one by one", source=source.name, partition=days[0], reason=str(error))
            self._days = []
            return {}
        checks = choose_checks(con, source, table)
        return {
            day: content._replace(checks=of_day)
            for day, content, of_day in zip(days, contents, checks, strict=True)
        }


class LargeDays:
    """Days that are pulled and written PULLS at a time, by a connection each, into a folder beside the batches.

    Half the price of a large day is to write it; what is asked of it then, and its place, wait for its turn.
    """

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source, self._settings = source, settings
        self._folder = settings.landing / f".ahead.{source.name}"
        shutil.rmtree(self._folder, ignore_errors=True)  # what a killed process left
        self._folder.mkdir(parents=True)
        self._pool = ThreadPoolExecutor(PULLS)
        self._pulls: dict[date, Future[BatchContent]] = {}
        self._connections = [duck.connect(settings.extensions) for _ in range(PULLS)]
        self._free = SimpleQueue[duckdb.DuckDBPyConnection]()
        for con in self._connections:
            register_detectors(con)
            self._free.put(con)

    def take(self, days: Sequence[date], rows: int) -> Future[BatchContent]:
        """The first of `days`; the others are on their way then. `rows`: about so many has each."""
        for day in days:
            if day not in self._pulls:
                self._pulls[day] = self._pool.submit(self._write, day, rows)
        return self._pulls.pop(days[0])

    def _write(self, day: date, rows: int) -> BatchContent:
        pulled_at, file = datetime.now(UTC), self._folder / f"{day}.parquet"
        connector = find_connector(self._source.connector).load()
        con = self._free.get()
        try:
            duck.fit_threads(con, rows)
            with (
                observe_matches() as matches,
                connector.pull(self._source, day, self._settings, con) as pulled,
            ):
                relation = unfold_milestones(self._source, pulled, day)
                content = BatchContent(relation, batch_sql(self._source, relation), matches, pulled_at)
                return content._replace(file=content.write(con, file))
        finally:
            self._free.put(con)

    def close(self) -> None:
        """What still runs is stopped, and waited for."""
        for pull in self._pulls.values():
            pull.cancel()
        for con in self._connections:
            con.interrupt()
        self._pool.shutdown()
        for con in self._connections:
            con.close()
        shutil.rmtree(self._folder, ignore_errors=True)
