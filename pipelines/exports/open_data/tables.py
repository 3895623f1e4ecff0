"""The tables of the open-data package: what a mart's `meta.open_data` lets out, small counts withheld.

Publication is opt-in, mart by mart; a column that counts and is not declared stops the export, so that a
mart that grows a column cannot leak by it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
from pydantic import ValidationError

from pipelines import duck
from pipelines.exports.common import PublishedColumn, PublishedTable
from pipelines.exports.open_data.cells import ROW, Opened, Withheld, read_cells
from pipelines.privacy.suppression import SMALLEST, find_withheld, find_withheld_totals

COUNTING = ("BIGINT", "HUGEINT", "UBIGINT")
# Everything else of a row with a withheld count is worked out from counts, and goes.
DESCRIBING = ("VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
WITHHELD = PublishedColumn(
    "is_withheld", "BOOLEAN",
    "EN Counts of this row are withheld (empty): they are from 1 to 4, or would give such a count away. / "
    "VI Dòng này có số được che (để trống): từ 1 đến 4, hoặc sẽ làm lộ một số như vậy.",
)  # fmt: skip

# Open311 GeoReport v2 (service request): name → the column, and what it says.
OPEN311 = {
    "service_request_id": ("issue_code", "VARCHAR", "EN Issue code. / VI Mã vướng mắc."),
    "status": ("case when is_open then 'open' else 'closed' end", "VARCHAR",
               "EN open or closed. / VI Còn mở hay đã đóng."),
    "status_notes": ("status_name_vi", "VARCHAR", "EN Status in the register. / VI Trạng thái trong sổ."),
    "service_code": ("category", "VARCHAR", "EN Category. / VI Mã nhóm vướng mắc."),
    "service_name": ("category_name_vi", "VARCHAR", "EN Its Vietnamese name. / VI Tên nhóm."),
    "agency_responsible": ("addressed_to_level", "VARCHAR", "EN Level addressed. / VI Cấp giải quyết."),
    "requested_datetime": ("reported_at", "TIMESTAMP", "EN Reported, local time. / VI Thời điểm phản ánh."),
    "updated_datetime": ("last_update_at", "TIMESTAMP", "EN Last sign of life. / VI Cập nhật cuối."),
    "expected_datetime": ("due_at", "TIMESTAMP", "EN Due. / VI Hạn xử lý."),
    "address_id": ("unit_code", "VARCHAR", "EN Commune code. / VI Mã xã, phường."),
    "address": ("unit_name", "VARCHAR", "EN Commune. / VI Xã, phường."),
}  # fmt: skip


class OpenDataError(ValueError):
    """A mart's `meta.open_data` does not say enough to publish it safely; nothing was published."""


def read_opening(table: PublishedTable) -> Opened | None:
    """What the mart lets out; None where it says nothing. OpenDataError where it says too little."""
    opening = table.meta.get("open_data")
    if opening is None:
        return None
    try:
        opened = Opened.model_validate(opening)
    except ValidationError as error:
        raise OpenDataError(f"{table.qualified}: meta.open_data: {error}") from None
    declared = {
        *opened.counts,
        *opened.things,
        *(name for rest in opened.rests for name in rest),
        *table.key,
        *opened.omit,
    }
    undeclared = [c.name for c in table.columns if c.type in COUNTING and c.name not in declared]
    if undeclared and opened.form != "open311":
        raise OpenDataError(
            f"{table.qualified} counts in {', '.join(undeclared)} but meta.open_data.counts does not name "
            "them: declare them (their small values are withheld), or do not open the mart."
        )
    return opened


def lay_out_table(
    con: duckdb.DuckDBPyConnection, table: PublishedTable, opening: Opened
) -> tuple[PublishedTable, Withheld]:
    """The public table as temp table `open_data`, ordered by its key; its description, how much is withheld."""
    name, order = "open_data", ", ".join(duck.identifier(column) for column in table.key)
    if opening.form == "open311":
        columns_sql = ", ".join(f"{source} as {public}" for public, (source, _, _) in OPEN311.items())
        con.execute(
            f"create or replace temp table {name} as select {columns_sql} from {table.relation} order by 1"
        )
        columns = tuple(PublishedColumn(public, kind, words) for public, (_, kind, words) in OPEN311.items())
        return PublishedTable(
            "", "service_requests", columns, ("service_request_id",), table.description, table.meta
        ), Withheld()
    table = replace(table, columns=tuple(c for c in table.columns if c.name not in opening.omit))
    chosen = ", ".join(duck.identifier(column.name) for column in table.columns)
    rows = f"select {chosen} from {table.relation} where {opening.where}"
    if opening.summed:
        table, rows = _summed(table, opening, rows)
        order = ", ".join(duck.identifier(column) for column in table.key)
    con.execute(
        f"create or replace temp table {name} as select *, row_number() over (order by {order}) - 1 as {ROW} "
        f"from ({rows}) order by {order}"
    )
    gone = _withhold(con, name, table, opening) if opening.counts else Withheld()
    con.execute(f"alter table {name} drop column {ROW}")
    if not opening.counts:
        return PublishedTable("", table.name, table.columns, table.key, table.description, table.meta), gone
    columns = (*table.columns, WITHHELD)
    return PublishedTable("", table.name, columns, table.key, table.description, table.meta), gone


def _summed(table: PublishedTable, opening: Opened, rows: str) -> tuple[PublishedTable, str]:
    """The mart without `summed`, its counts added up, a row more for the total of every line."""
    gone = {*opening.summed, *(c.name for c in table.columns if c.name.startswith("unit_"))}
    kept = tuple(c for c in table.columns if c.name not in gone)
    key = tuple(name for name in table.key if name not in opening.summed)
    totals = {line.over: line.total for line in opening.lines}
    columns_sql = []
    for column in kept:
        name = duck.identifier(column.name)
        if column.name in totals:
            columns_sql.append(
                f"if(grouping({name}) = 1, {duck.literal(totals[column.name])}, {name}) as {name}"
            )
        elif column.name in key:
            columns_sql.append(name)
        elif column.type == "VARCHAR" and totals:
            over = " + ".join(f"grouping({duck.identifier(name)})" for name in totals)
            columns_sql.append(f"if({over} > 0, 'Tất cả', max({name})) as {name}")
        else:
            how = "sum" if column.name in (*opening.counts, *opening.things) else "max"
            columns_sql.append(f"{how}({name})::{column.type} as {name}")
    groups = [key, *(tuple(name for name in key if name != over) for over in totals)]
    sets = ", ".join("(" + ", ".join(duck.identifier(name) for name in group) + ")" for group in groups)
    query = f"select {', '.join(columns_sql)} from ({rows}) group by grouping sets ({sets})"
    return replace(table, columns=kept, key=key), query


def _withhold(con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, opening: Opened) -> Withheld:
    """Null the counts that must not be read, and what was worked out from them; mark their rows."""
    cells = read_cells(con, name, table, opening)
    preset = frozenset(cells.number(row, c) for row in _running(con, name, opening) for c in cells.columns)
    hidden = find_withheld([[value] for value in cells.values], cells.groups, preset)
    con.execute(f"alter table {name} add column {WITHHELD.name} boolean default false")
    gone = 0
    for column in opening.counts:
        rows = [row for row in range(cells.height) if cells.number(row, column) in hidden]
        gone += len(rows)
        con.execute(
            f"update {name} set {WITHHELD.name} = true, {duck.identifier(column)} = null "
            f"where {ROW} in (select unnest(?::bigint[]))",
            [rows],
        )
    # A rate or rank beside a withheld count would give it away.
    figures = [
        c.name
        for c in table.columns
        if c.type not in DESCRIBING and c.name not in (*table.key, *opening.counts, *opening.things)
    ]
    sets = ", ".join(f"{duck.identifier(c)} = null" for c in [*figures, *opening.withhold])
    if sets:
        con.execute(f"update {name} set {sets} where {WITHHELD.name}")
    return _check_withheld(con, name, table, opening, Withheld(cells.height, 0, gone))


def _check_withheld(
    con: duckdb.DuckDBPyConnection, name: str, table: PublishedTable, opening: Opened, withheld: Withheld
) -> Withheld:
    """The last look at what is about to be public: no small count is left in it."""
    left = " or ".join(f"{duck.identifier(c)} between 1 and {SMALLEST - 1}" for c in opening.counts)
    small, rows = con.execute(
        f"select count(*) filter ({left}), count(*) filter ({WITHHELD.name}) from {name}"
    ).fetchone() or (1, 0)
    if small:
        raise OpenDataError(
            f"{table.qualified}: {small} small counts were not withheld; nothing was published"
        )
    return withheld._replace(rows_withheld=rows, counts=withheld.rows * len(opening.counts))


def _running(con: duckdb.DuckDBPyConnection, name: str, opening: Opened) -> frozenset[int]:
    """Rows that go because the difference of two running totals would be a small count."""
    if opening.running is None:
        return frozenset()
    of, start, end = (
        duck.identifier(n) for n in (opening.running.of, opening.running.start, opening.running.end)
    )
    rests = [f"{duck.identifier(whole)} - {duck.identifier(part)}" for whole, part in opening.rests]
    columns_sql = ", ".join([*(f"coalesce({duck.identifier(c)}, 0)" for c in opening.counts), *rests])
    counts = [list(row) for row in con.execute(f"select {columns_sql} from {name} order by {ROW}").fetchall()]
    subjects: dict[Any, dict[int, tuple[date, date]]] = {}
    for row, subject, first, last in con.execute(
        f"select {ROW}, {of}, cast({start} as date), cast({end} as date) from {name}"
    ).fetchall():
        subjects.setdefault(subject, {})[row] = first, last
    return frozenset().union(*(find_withheld_totals(periods, counts) for periods in subjects.values()))
