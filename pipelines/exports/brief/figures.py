"""A figure of the brief: a mart's value that carries the query it comes from.

The brief computes nothing: it picks cells, and adds up or counts rows of one mart, and each figure says
which mart, column and rows, so that a reader (and a test) can ask the release again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from pipelines import duck
from pipelines.exports.common import PublishedTable
from pipelines.exports.formats import printed


@dataclass(frozen=True)
class Figure:
    """`select <how>(<column>) from <mart> where <where>` gives `value`; `how` is empty for one cell."""

    value: Any
    mart: str
    column: str
    where: str
    how: str = ""
    about: str = ""

    def words(self, kind: str) -> tuple[str, str]:
        return printed(self.value, kind)

    @property
    def plain(self) -> str:
        """The value as a program reads it; a `<data value>` attribute."""
        return "" if self.value is None else str(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)


Row = Mapping[str, Figure]


class MartRow(Row):
    """A row of a mart: each cell becomes a figure when it is asked for; a page shows few of many."""

    __slots__ = ("_about", "_mart", "_record", "_where")

    def __init__(self, record: dict[str, Any], mart: str, where: str, about: Mapping[str, str]) -> None:
        self._record, self._mart, self._where, self._about = record, mart, where, about

    def __getitem__(self, name: str) -> Figure:
        return Figure(self._record[name], self._mart, name, self._where, about=self._about[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def __len__(self) -> int:
        return len(self._record)


class Marts:
    """Rows of the release as figures. A mart that this release lacks has no rows."""

    def __init__(self, con: duckdb.DuckDBPyConnection, tables: list[PublishedTable]) -> None:
        self._con = con
        self._tables = {table.qualified: table for table in tables}

    def __contains__(self, mart: str) -> bool:
        return mart in self._tables

    def newest(self, mart: str) -> str | None:
        """The condition that picks the rows of the mart's last day; None where it has no rows."""
        day = self.values(f"select max(as_of_day) from {{{mart}}}")
        return f"as_of_day = date '{day[0][0]}'" if day and day[0][0] is not None else None

    def rows(
        self,
        mart: str,
        where: str = "true",
        *,
        order: str = "all",
        limit: int | None = None,
        key: tuple[str, ...] = (),
    ) -> list[Row]:
        """Whole rows, each cell a figure found again by the mart's key, or by the columns of `key`."""
        if mart not in self._tables:
            return []
        table = self._tables[mart]
        about = {column.name: column.words.vi for column in table.columns}
        query = f"select * from {table.relation} where {where} order by {order}"
        return [
            MartRow(record, mart, _same({name: record[name] for name in key or table.key}), about)
            for record in self._fetch(f"{query} limit {limit}" if limit else query)
        ]

    def row(self, mart: str, where: str = "true", *, order: str = "all") -> Row | None:
        return next(iter(self.rows(mart, where, order=order, limit=1)), None)

    def grouped(
        self,
        mart: str,
        by: tuple[str, ...],
        *,
        sums: tuple[str, ...] = (),
        counts: dict[str, str] | None = None,
        where: str = "true",
        order: str = "all",
    ) -> list[Row]:
        """Sums of columns, and `counts` of rows (name → filter), for each value of `by`."""
        if mart not in self._tables:
            return []
        counts = counts or {}
        columns = [duck.identifier(name) for name in by]
        columns += [f"sum({duck.identifier(c)})::bigint as {duck.identifier(c)}" for c in sums]
        columns += [f"count(*) filter ({test}) as {duck.identifier(name)}" for name, test in counts.items()]
        relation = self._tables[mart].relation
        group = "group by " + ", ".join(str(n + 1) for n in range(len(by))) if by else ""
        rows: list[Row] = []
        for row in self._fetch(
            f"select {', '.join(columns)} from {relation} where {where} {group} order by {order}"
        ):
            condition = " and ".join([f"({where})", *([_same({k: row[k] for k in by})] if by else [])])
            figures = {name: Figure(row[name], mart, name, condition, "any_value") for name in by}
            figures |= {name: Figure(row[name], mart, name, condition, "sum") for name in sums}
            figures |= {
                name: Figure(row[name], mart, "*", f"{condition} and ({test})", "count")
                for name, test in counts.items()
            }
            rows.append(figures)
        return rows

    def values(self, query: str) -> list[tuple[Any, ...]]:
        """Places and names for a drawing or a filter, not figures; `{schema.table}` names the marts."""
        for name, table in self._tables.items():
            query = query.replace("{" + name + "}", table.relation)
        return [] if "{" in query else self._con.execute(query).fetchall()

    def _fetch(self, query: str) -> list[dict[str, Any]]:
        cursor = self._con.execute(query)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def by_column(rows: list[Row], column: str) -> dict[Any, list[Row]]:
    """Value of the column → its rows, in the order they came."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[column].value, []).append(row)
    return groups


def _same(values: dict[str, Any]) -> str:
    return " and ".join(
        f"{name} is null" if value is None else f"{name} = {_literal(value)}"
        for name, value in values.items()
    )


def _literal(value: Any) -> str:
    if isinstance(value, datetime):
        return f"timestamp '{value}'"
    if isinstance(value, date):
        return f"date '{value}'"
    return str(value).lower() if isinstance(value, bool | int | float) else duck.literal(value)
