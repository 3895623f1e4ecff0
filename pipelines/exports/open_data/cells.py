"""The cells of a public table that count, and every equation between them that a reader knows."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import duckdb
from pydantic import BaseModel, ConfigDict

from pipelines import duck
from pipelines.exports.common import PublishedTable
from pipelines.privacy.suppression import SumGroup

# The number of a row while the small counts are looked for.
ROW = "_row_number"


class Withheld(NamedTuple):
    """How much of a table is withheld: rows with a gap, of all rows; counts, of all counts."""

    rows: int = 0
    rows_withheld: int = 0
    counts_withheld: int = 0
    counts: int = 0


class TotalOver(BaseModel):
    """Rows that differ only in `over` add up to the row where it is `total`."""

    model_config = ConfigDict(extra="forbid")
    over: str
    total: str


class Running(BaseModel):
    """Rows of the same `of` are periods from `start` to `end`: their differences are counts, too."""

    model_config = ConfigDict(extra="forbid")
    of: str
    start: str
    end: str


class Carried(BaseModel):
    """`left` of a row is `begun` of the row of the next value of `over`, all other keys the same."""

    model_config = ConfigDict(extra="forbid")
    over: str
    left: str
    begun: str


class Opened(BaseModel):
    """`meta.open_data` of a mart. `rests` are [whole, part]: what is left between them counts, too.

    `counts`: of persons or of what they handed in; `things`: of what is nobody's (tasks of agencies), published whole.
    `omit`: columns that stay inside, where their small counts would withhold most rows. `sums`: [whole, part, part …]
    within a row. `carried`: what one period leaves is what the next begins with.
    `summed`: key columns that are added up and do not go out; the totals of `lines` are added as rows.
    """

    model_config = ConfigDict(extra="forbid")
    counts: list[str]
    things: list[str] = []
    sums: list[list[str]] = []
    carried: Carried | None = None
    rests: list[tuple[str, str]] = []
    where: str = "true"
    lines: list[TotalOver] = []
    running: Running | None = None
    withhold: list[str] = []
    summed: list[str] = []
    omit: list[str] = []
    form: Literal["table", "report", "open311"] = "table"


class Cells(NamedTuple):
    """`columns`: the counts, then a column per rest: a whole less its part, which everybody can subtract.

    `values`: row by row; `groups`: cells that add up, by number.
    """

    columns: tuple[str, ...]
    height: int
    values: list[int]
    groups: list[SumGroup]

    def number(self, row: int, column: str) -> int:
        return row * len(self.columns) + self.columns.index(column)


def read_cells(con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, opening: Opened) -> Cells:
    """Of the temp table `name`, whose rows are numbered."""
    rests = {f"{whole} - {part}": (whole, part) for whole, part in opening.rests}
    columns = (*opening.counts, *rests)
    counts = {c: f"coalesce({duck.identifier(c)}, 0)::bigint" for c in opening.counts}
    terms = [*counts.values(), *(f"{counts[whole]} - {counts[part]}" for whole, part in rests.values())]
    rows = con.execute(f"select {', '.join(terms)} from {name} order by {ROW}").fetchall()
    cells = Cells(columns, len(rows), [value for row in rows for value in row], [])
    within = [(whole, parts) for whole, *parts in opening.sums]
    within += [(whole, [part, rest]) for rest, (whole, part) in rests.items()]
    for row in range(cells.height):
        for whole, parts in within:
            numbers = tuple(cells.number(row, part) for part in parts)
            cells.groups.append(SumGroup(numbers, cells.number(row, whole)))
    for members, total in _list_lines(con, name, table, opening):
        for column in columns:
            numbers = tuple(cells.number(member, column) for member in members)
            cells.groups.append(SumGroup(numbers, None if total is None else cells.number(total, column)))
    for earlier, later in _list_carried(con, name, table, opening):
        assert opening.carried is not None
        left = cells.number(earlier, opening.carried.left)
        cells.groups.append(SumGroup((left,), cells.number(later, opening.carried.begun)))
    return cells


def _list_lines(
    con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, opening: Opened
) -> list[tuple[list[int], int | None]]:
    """Row numbers that add up, by every declared total: the parts, and the row of the total."""
    lines: list[tuple[list[int], int | None]] = []
    for line in opening.lines:
        others = ", ".join(duck.identifier(column) for column in table.key if column != line.over)
        over = duck.identifier(line.over)
        rows: list[tuple[Any, ...]] = con.execute(
            f"select list({ROW}) filter ({over} <> ?), any_value({ROW}) filter ({over} = ?) "
            f"from {name} group by {others or '()'} order by all",
            [line.total, line.total],
        ).fetchall()
        lines += [(sorted(parts or []), total) for parts, total in rows if parts]
    return lines


def _list_carried(
    con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, opening: Opened
) -> list[tuple[int, int]]:
    """(row, row of the next period) where the same amount is left and begun with."""
    if (carried := opening.carried) is None:
        return []
    over = duck.identifier(carried.over)
    others = ", ".join(duck.identifier(column) for column in table.key if column != carried.over)
    window = f"over (partition by {others} order by {over})" if others else f"over (order by {over})"
    left, begun = duck.identifier(carried.left), duck.identifier(carried.begun)
    return con.execute(
        f"select {ROW}, later from (select {ROW}, {left} as amount, lead({ROW}) {window} as later, "
        f"lead({begun}) {window} as next_amount from {name}) "
        "where later is not null and amount = next_amount order by 1"
    ).fetchall()
