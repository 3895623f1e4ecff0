"""A range of days, landed in turn: where the source lets it, small days are pulled together, ahead of their turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from pipelines import duck
from pipelines.landing.gathered import BatchContent, TooManyRows, drop_table, gather_days
from pipelines.landing.written import choose_checks
from pipelines.log import get_logger
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import SourceError

LOG = get_logger(__name__)
# A group costs a twentieth of a second of the processor, whatever its days; the first tells how many rows a day has.
GROWTH, MOST_DAYS = 8, 64
# They lie in memory until the last of them is a batch.
MOST_ROWS = duck.ROW_GROUP
# A day of more rows than an eighth of that costs more by lying there than its statement takes to be planned.
FEWEST_DAYS = 8


class DaysAhead:
    """Each group has GROWTH times as many as the one before, while their rows are few."""

    def __init__(self, days: Sequence[date]) -> None:
        self._days, self._size, self._most_rows = list(days), 1, 0
        self._may_gather = False
        self._pulled: dict[date, BatchContent] = {}

    def allow(self) -> None:
        """One statement may read several days of the source."""
        self._may_gather = True

    def learn(self, rows: int) -> None:
        """How many rows a day had."""
        self._most_rows = max(self._most_rows, rows)

    def find(
        self, source: Source, partition: date, settings: Settings, con: duckdb.DuckDBPyConnection
    ) -> BatchContent | None:
        """The day, pulled with those that follow it; None where it is to be pulled alone."""
        if self._may_gather and partition in self._days and partition not in self._pulled:
            most_days = MOST_ROWS // max(self._most_rows, 1)
            self._size = min(GROWTH * self._size, MOST_DAYS, most_days)
            at = self._days.index(partition)
            days = self._days[at : at + self._size] if most_days >= FEWEST_DAYS else []
            if self._pulled:
                drop_table(con)
            self._pulled = self._gather(source, days, settings, con) if len(days) > 1 else {}
        return self._pulled.get(partition)

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
