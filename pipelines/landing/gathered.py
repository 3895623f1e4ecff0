"""Several days of one database in one statement: planning one costs more than the rows of a small day.

Each day is asked for by its own query and becomes a batch of its own. Days that cannot be gathered, for whatever
reason, are landed one by one: that way tells what is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.landing.personal import batch_sql
from pipelines.settings import Settings
from pipelines.sources.connectors import find_connector
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import SourceError
from pipelines.sources.mapping import HeaderMatch, observe_matches
from pipelines.sources.relation import Relation
from pipelines.sources.states import unfold_milestones

TABLE = "gathered"


class GatheredTable(NamedTuple):
    """Days one after the other in the table `gathered`, without personal data; `_day` counts them from 0.

    `names`: the landed columns. `starts`: the first `rowid` of each day.
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]

    def select_first(self, rows: int) -> str:
        """SQL: a relation of so many rows of each day, those that a batch of it begins with."""
        starts = ", ".join(map(str, self.starts))
        return f"(select * from {TABLE} where rowid < [{starts}][_day + 1] + {rows})"


class BatchContent(NamedTuple):
    """What one batch is written of. `sql`: its rows as they are stored; `matches`: the headers that were met.

    Of a gathered day: `pulled_at`, and in `checks` those that have to look at its batch. The others
    would find nothing there.
    """

    relation: Relation
    sql: str
    matches: list[HeaderMatch]
    pulled_at: datetime | None = None
    checks: Collection[str] | None = None

    def needs(self, check: str) -> bool:
        return self.checks is None or check in self.checks


class TooManyRows(SourceError):
    """Days that have more rows together than may lie in memory."""


def gather_days(
    source: Source, days: Sequence[date], settings: Settings, con: duckdb.DuckDBPyConnection, most_rows: int
) -> tuple[GatheredTable, list[BatchContent]]:
    """The table, and what the batch of each day is written of; SourceError where the days cannot be pulled together.

    TooManyRows where they have more than `most_rows`; no more than those were read then.
    """
    pulled_at = datetime.now(UTC)
    connector = find_connector(source.connector).load()
    with observe_matches() as matches, connector.pull(source, days[0], settings, con) as pulled:
        if pulled.of_days is None:
            raise SourceError(f"{source.name}: its days cannot be pulled together")
        rows, origins = pulled.of_days(days)
        relation = unfold_milestones(source, rows, *days)
        names = tuple(relation.columns)
        stored = batch_sql(source, relation, ("_day",))
        con.execute(f"create or replace temp table {TABLE} as {stored} limit {most_rows + 1}")
    counts = con.execute(f"select _day, min(rowid), count(*) from {TABLE} group by 1").fetchall()
    if sum(rows for _, _, rows in counts) > most_rows:
        drop_table(con)
        raise TooManyRows(f"{source.name}: {len(days)} days have more than {most_rows} rows together")
    starts = {day: start for day, start, _ in counts}
    listed = ", ".join(map(duck.identifier, names))
    contents = [
        BatchContent(
            relation._replace(origin=origin),
            f"select {listed} from {TABLE} where _day = {number}",
            matches,
            # A batch's id begins with its moment: days without rows are alike in everything else.
            pulled_at + timedelta(microseconds=number),
        )
        for number, origin in enumerate(origins)
    ]
    return GatheredTable(names, tuple(starts.get(number, 0) for number in range(len(days)))), contents


def drop_table(con: duckdb.DuckDBPyConnection) -> None:
    """Once the last of its days is a batch."""
    con.execute(f"drop table if exists {TABLE}")
