"""What a mart lets out of the house: declared counts, and columns that stay inside."""

from __future__ import annotations

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.exports.common import PublishedColumn, PublishedTable
from pipelines.exports.open_data.cells import Withheld
from pipelines.exports.open_data.tables import OpenDataError, lay_out_table, read_opening
from pipelines.privacy.suppression import SMALLEST, SumGroup
from pipelines.settings import PROJECT
from tests.unit.test_suppression import _worked_out

COLUMNS = (
    PublishedColumn("unit_code", "VARCHAR"),
    PublishedColumn("received", "BIGINT"),
    PublishedColumn("late_arrivals", "BIGINT"),
)


def mart(**options: object) -> PublishedTable:
    return PublishedTable("marts", "rate", COLUMNS, ("unit_code",), meta={"open_data": options})


def test_a_count_that_is_not_declared_stops_the_export() -> None:
    with pytest.raises(OpenDataError, match="counts in late_arrivals"):
        read_opening(mart(counts=["received"]))


def test_an_omitted_column_stays_inside_and_withholds_nothing() -> None:
    table = mart(counts=["received"], omit=["late_arrivals"])
    switches = read_opening(table)
    assert switches is not None
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.marts")
        con.execute(
            "create table lake.marts.rate as select 'U' as unit_code, 70 as received, 1 as late_arrivals"
        )
        public, withheld = lay_out_table(con, table, switches)
        assert con.execute("from open_data").fetchall() == [("U", 70, False)]
    assert ([c.name for c in public.columns], withheld) == (
        ["unit_code", "received", "is_withheld"],
        Withheld(1, 0, 0, 1),
    )


def lay_out(
    rows: str, columns: tuple[PublishedColumn, ...], key: tuple[str, ...], **options: object
) -> list[tuple]:
    """The public rows of a table given as SQL values."""
    table = PublishedTable("marts", "rate", columns, key, meta={"open_data": options})
    opening = read_opening(table)
    assert opening is not None
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.marts")
        names = ", ".join(column.name for column in columns)
        con.execute(f"create table lake.marts.rate as select * from (values {rows}) as t ({names})")
        lay_out_table(con, table, opening)
        return con.execute("from open_data").fetchall()


FORM = (
    PublishedColumn("sector", "VARCHAR"),
    PublishedColumn("total", "BIGINT"),
    PublishedColumn("early", "BIGINT"),
    PublishedColumn("late", "BIGINT"),
    PublishedColumn("late_rate", "DOUBLE"),
)


def test_a_small_count_goes_alone_and_the_row_beside_it_stays() -> None:
    # 3 late of sector A would follow from 100 − 97 and from the column's total 43 − 40: its neighbours in row and
    # column go, and what those would give away; the totals stay.
    rows = lay_out(
        "('A', 100, 97, 3, 0.03::double), ('B', 200, 160, 40, 0.2), ('C', 60, 53, 7, 0.12), "
        "('all', 360, 310, 50, 0.14)",
        FORM, ("sector",), counts=["total", "early", "late"], sums=[["total", "early", "late"]],
        lines=[{"over": "sector", "total": "all"}],
    )  # fmt: skip
    assert rows == [
        ("A", 100, None, None, None, True),
        ("B", 200, 160, 40, 0.2, False),
        ("C", 60, None, None, None, True),
        ("all", 360, 310, 50, 0.14, False),
    ]


def test_a_small_rest_hides_its_part_and_not_the_whole() -> None:
    columns = (
        PublishedColumn("unit", "VARCHAR"),
        PublishedColumn("received", "BIGINT"),
        PublishedColumn("online", "BIGINT"),
    )
    rows = lay_out("('A', 100, 98), ('B', 90, 60)", columns, ("unit",), counts=["received", "online"],
                   rests=[["received", "online"]])  # fmt: skip
    assert rows == [("A", 100, None, True), ("B", 90, 60, False)]


def test_what_a_month_leaves_open_is_not_told_by_what_the_next_begins_with() -> None:
    columns = (
        PublishedColumn("month", "DATE"), PublishedColumn("sector", "VARCHAR"),
        PublishedColumn("begun", "BIGINT"), PublishedColumn("come", "BIGINT"), PublishedColumn("rest", "BIGINT"),
    )  # fmt: skip
    # 12 is hidden in July beside the 2 that came, for 14 − 12 would tell it; 12 is also what June left.
    rows = lay_out(
        "(date '2025-06-01', 'A', 30, 9, 12), (date '2025-07-01', 'A', 12, 2, 14)",
        columns, ("month", "sector"), counts=["begun", "come", "rest"], sums=[["rest", "begun", "come"]],
        carried={"over": "month", "left": "rest", "begun": "begun"},
    )  # fmt: skip
    assert rows[1][2:4] == (None, None) and rows[0][4] is None


def test_counts_of_what_is_nobodys_are_published_whole() -> None:
    columns = (PublishedColumn("agency", "VARCHAR"), PublishedColumn("tasks", "BIGINT"))
    assert lay_out("('A', 1), ('B', 3)", columns, ("agency",), counts=[], things=["tasks"]) == [
        ("A", 1),
        ("B", 3),
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), min_size=2, max_size=5))
def test_no_small_cell_of_a_form_follows_from_the_others(counts: list[tuple[int, int]]) -> None:
    """The reader knows every identity of rows and columns; exact elimination tells what follows from them."""
    values = [(early + late, early, late) for early, late in counts]
    values.append(tuple(sum(column) for column in zip(*values, strict=True)))  # type: ignore[arg-type]
    names = [*(chr(65 + n) for n in range(len(counts))), "all"]
    literal = ", ".join(
        f"('{name}', {t}, {e}, {la}, 0.0)" for name, (t, e, la) in zip(names, values, strict=True)
    )
    rows = lay_out(literal, FORM, ("sector",), counts=["total", "early", "late"], sums=[["total", "early", "late"]],
                   lines=[{"over": "sector", "total": "all"}])  # fmt: skip
    public = {row[0]: row[1:4] for row in rows}
    hidden = {3 * y + x for y, name in enumerate(names) for x in range(3) if public[name][x] is None}
    last = len(counts)
    equations = [SumGroup((3 * y + 1, 3 * y + 2), 3 * y) for y in range(last + 1)]
    equations += [SumGroup(tuple(3 * y + x for y in range(last)), 3 * last + x) for x in range(3)]
    small = {3 * y + x for y, row in enumerate(values) for x in range(3) if 0 < row[x] < SMALLEST}
    assert small <= hidden and not small & _worked_out(hidden, equations)


def test_every_mart_that_is_open_declares_every_count_of_its_contract() -> None:
    """From the YAML alone, so that a new column is caught before a night's export stops at it."""
    open_marts = set()
    for file in sorted((PROJECT / "dbt_project" / "models" / "marts").rglob("*.yml")):
        (model,) = yaml.safe_load(file.read_text(encoding="utf-8"))["models"]
        meta = model["config"]["meta"]
        if "open_data" in meta:
            columns = tuple(PublishedColumn(c["name"], c["data_type"].upper()) for c in model["columns"])
            assert read_opening(
                PublishedTable("marts", model["name"], columns, tuple(meta["key"]), meta=meta)
            )
            open_marts.add(f"ref('{model['name']}')")
    exposures = yaml.safe_load(
        (PROJECT / "dbt_project" / "models" / "exposures.yml").read_text(encoding="utf-8")
    )
    [package] = [entry for entry in exposures["exposures"] if entry["name"] == "open_data"]
    assert open_marts == set(package["depends_on"])
