"""What makes a table of the lake its source: rows are found by their keys, and only they are read and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest

from pipelines.lake.apply import TableChange, apply_change, find_change, is_applied, list_parts
from pipelines.lake.content_hash import hash_content
from pipelines.lake.manifest import Mart

MART = Mart("marts", "task", ("unit", "code"))
STAYS = [(None, 1, 5), (None, 2, 5), ("a", 1, 5)]
LEAVES = [(None, 3, 5), ("a", 2, 5)]
COMES = [(None, 4, 5), ("b", 2, 5)]
BEFORE, AFTER = [("a", 3, 1), (None, 5, 1)], [("a", 3, 2), (None, 5, 2)]


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A lake and a source of which rows left, came and changed, some of them without a unit."""
    with duckdb.connect() as con:
        for database, rows in (("lake", [*STAYS, *LEAVES, *BEFORE]), ("warehouse", [*STAYS, *COMES, *AFTER])):
            con.execute(f"attach ':memory:' as {database}; create schema {database}.marts")
            con.execute(f"create table {database}.marts.task (unit varchar, code integer, n integer)")
            con.executemany(f"insert into {database}.marts.task values (?, ?, ?)", rows)
        con.execute("attach ':memory:' as scratch")
        con.execute("create table scratch.units as from (values ('a'), ('b'), (null)) as t (unit)")
        yield con


def find_task_change(con: duckdb.DuckDBPyConnection, among: str | None) -> TableChange:
    before = hash_content(con, "lake.marts.task")
    return find_change(con, MART, "warehouse.marts.task", before, 1, among)


@pytest.mark.parametrize("among", [None, "scratch.units"])
def test_rows_that_differ_are_those_that_left_came_or_changed(
    con: duckdb.DuckDBPyConnection, among: str | None
) -> None:
    change = find_task_change(con, among)
    relations = {"marts.task": "lake.marts.task"}, {"marts.task": "warehouse.marts.task"}
    left, right = list_parts([change], *relations)["marts.task"]
    assert Counter(con.execute(f"from {left}").fetchall()) == Counter([*LEAVES, *BEFORE])
    assert Counter(con.execute(f"from {right}").fetchall()) == Counter([*COMES, *AFTER])
    apply_change(con, change)
    rows = Counter(con.execute("from lake.marts.task").fetchall())
    assert rows == Counter([*STAYS, *COMES, *AFTER]) and is_applied(con, change)
    assert change.content == hash_content(con, "warehouse.marts.task")


def test_a_row_that_stayed_by_mistake_is_found(con: duckdb.DuckDBPyConnection) -> None:
    change = find_task_change(con, "scratch.units")
    apply_change(con, change)
    con.execute("update lake.marts.task set n = 6 where unit is null and code = 1")
    assert not is_applied(con, change)


@pytest.mark.parametrize("rows", ["from lake.marts.task", "from warehouse.marts.task"])
def test_the_same_columns_in_another_order_are_a_new_table(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    """A row's hash depends on it: what is not written in it again is not what was hashed."""
    con.execute(f"create table warehouse.marts.turned as select n, code, unit from ({rows})")
    before = hash_content(con, "lake.marts.task")
    change = find_change(con, MART, "warehouse.marts.turned", before, 1)
    apply_change(con, change)
    assert (
        change.content == hash_content(con, "lake.marts.task") == hash_content(con, "warehouse.marts.turned")
    )
    con.execute("create or replace table lake.marts.task as select unit, code, n from lake.marts.task")
    assert not is_applied(con, change)


def test_rows_are_chosen_without_a_list_of_all_keys(con: duckdb.DuckDBPyConnection) -> None:
    """Such a list is a join of its own, of all rows, that DuckDB makes of a condition on another table's rows."""
    seen: list[str] = []

    class Listener:
        def execute(self, query: str) -> duckdb.DuckDBPyConnection:
            if query.startswith(("create table", "select", "delete")):
                seen.extend(str(row[1]) for row in con.execute(f"explain {query}").fetchall())
            return con.execute(query)

    change = find_task_change(Listener(), "scratch.units")  # type: ignore[arg-type]
    apply_change(Listener(), change)  # type: ignore[arg-type]
    assert is_applied(Listener(), change)  # type: ignore[arg-type]
    assert any("SEMI" in plan for plan in seen) and not [plan for plan in seen if "DELIM" in plan]
