"""The one SELECT of a pull, built by SQLAlchemy: identifiers quoted by the dialect, values as literals.

A configured query stands in it as a subselect. Which rows a partition has is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.options.database import EPOCHS

# How a cursor tells time: as text, as a number, as a date, as wall time, or as a moment with its zone.
CursorKind = Literal["text", "number", "date", "wall", "moment"]


class Window(NamedTuple):
    """Half-open, as moments; `low` without the overlap is the `high` of the partition before."""

    low: datetime
    high: datetime


def find_window(source: Source, partition: date) -> Window:
    """The local day of the partition, reaching back by the source's `overlap`.

    Why overlap: a row stamped 23:59 may be committed after that day was pulled at 00:30, and lies in
    no later day. With `overlap: 2h` the next partition reads the last two hours again: what it finds
    for the second time has the same key, and the warehouse folds it (accepted = staged + duplicates),
    so the row counts once and in no day twice. The partitions themselves stay days: pulling one again
    replaces it as ever, and a row in two batches leaves only when both days are pulled without it.
    """
    start = datetime.combine(partition, time(), LOCAL_ZONE)
    return Window(start - source.overlap, datetime.combine(partition + timedelta(days=1), time(), LOCAL_ZONE))


def select_origin(source: Source, partition: date, names: tuple[str, ...]) -> sa.FromClause:
    """The table, or the configured query as a subselect with these columns and the day filled in."""
    if source.query is None:
        return sa.table(str(source.table), schema=source.db_schema)
    # A line of its own: the query may end in a comment.
    query = sa.text(source.query.strip().rstrip(";") + "\n")
    if asks_for_day(source):
        query = query.bindparams(sa.bindparam("partition", partition, sa.Date()))
    return query.columns(*map(sa.column, names)).subquery("pulled")


def asks_for_day(source: Source) -> bool:
    """Whether the configured query names `:partition`; a cast (`::`) is none."""
    return bool(source.query and re.search(r"(?<![:\w\\]):partition\b", source.query))


def build_statement(
    source: Source,
    partition: date,
    origin: sa.FromClause,
    selected: Mapping[str, sa.ColumnElement[Any]],
    kind: CursorKind | None,
    dialect: str,
) -> sa.Select:
    """`selected`: canonical → expression. Without a cursor every row is the partition's.

    No ORDER BY: a sort of a large day costs its server more than the pull, and nothing needs it.
    """
    query = sa.select(*(e.label(name) for name, e in selected.items())).select_from(origin)
    if kind is None:
        return query
    cursor: sa.ColumnClause = sa.column(str(source.cursor))
    low, high = (_bound(source, m, kind, dialect) for m in find_window(source, partition))
    return query.where(cursor >= low, cursor < high)


def _bound(source: Source, moment: datetime, kind: CursorKind, dialect: str) -> sa.ColumnElement[Any]:
    """A moment as the cursor writes it. A wall time that a zone has twice lies on one side, as a whole."""
    there = moment.astimezone(ZoneInfo(source.timezone)).replace(tzinfo=None)
    match kind:
        case "number":
            return sa.literal(int(moment.timestamp()) * EPOCHS[str(source.cursor_format)])
        case "date":
            # A date knows no zone: it is the day itself. An overlap reaches back by whole days.
            return sa.literal(moment.date(), sa.Date())
        case "text":
            return sa.literal(there.strftime(str(source.cursor_format)))
        case "wall":
            return sa.literal(there, sa.DateTime())
    if dialect == "oracle":
        return sa.func.to_timestamp_tz(_zoned(moment), "YYYY-MM-DD HH24:MI:SSTZH:TZM")
    return sa.cast(sa.literal(_zoned(moment)), sa.DateTime(timezone=True))


def _zoned(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("UTC")).isoformat(sep=" ")
