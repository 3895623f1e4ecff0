"""Of a table by day the last days alone are derived again, from the first that can be another; all in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.warehouse import sample_check
from pipelines.warehouse.compiled import DataTest
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.refresh import Refresh
from pipelines.warehouse.statements import TABLE, VIEW, Statement

# What came of two units, and on which day of July 2025, of one on no day; every day has a row of each unit.
LOG = [("A", "u", 1, 1), ("B", "v", 1, 10), ("C", "u", 2, 100), ("D", "v", 4, 1000), ("N", "u", None, 7)]
NOON = datetime(2025, 7, 4, 12)
# What a whole derivation would put right again.
TAMPERED = (
    "update running set word = 'left' where day <= '2025-07-02'",
    "update steps set step = -1 where day <= '2025-07-02'",
)


def state(name: str, sql: str, *parents: str, kind: str = TABLE, **rebuild: Any) -> Statement:
    for parent in parents:
        schema, table = ("raw", parent.rpartition(".")[2]) if "." in parent else ("main", parent)
        sql = sql.replace(f"{{{table}}}", f'"warehouse"."{schema}"."{table}"')
    return Statement(name, parents, "main", name, kind, sql, {}, {"rebuild": rebuild} if rebuild else {})


STATEMENTS = [
    state("staged", "select * from {log}", "source.thongsuot.raw.log", kind=VIEW),
    state("run", "select * from {parameters}", "source.thongsuot.raw.parameters", kind=VIEW, moment=["as_of"]),
    state(
        "deltas", "select day, unit, sum(n)::bigint as n from {staged} group by all", "staged", by="code",
        sums=["n"],
    ),
    state("words", "select * from {names}", "source.thongsuot.raw.names"),
    # What came on a day before the first one had come by then.
    state(
        "running",
        "with grid as (select * from (select day from {days}) cross join (select distinct unit from {deltas})) "
        "select grid.day, grid.unit, words.word, least(grid.day + time '23:59:59', run.as_of) as until, "
        "(sum(coalesce(deltas.n, 0)) over (partition by grid.unit order by grid.day))::bigint as total "
        "from grid left join {deltas} as deltas on grid.day = deltas.day and grid.unit = deltas.unit "
        "cross join {words} as words cross join {run} as run",
        "source.thongsuot.raw.days", "deltas", "words", "run", day="day",
        days={"raw.days": {"day": "day"}, "main.deltas": {"day": "day", "take": "moved", "same": ["unit"]}},
    ),
    state(
        "steps",
        "select day, unit, total - lag(total) over (partition by unit order by day) as step from {running}",
        "running", day="day", days={"main.running": {"day": "day", "back": 1}},
    ),
]  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as warehouse; use warehouse; create schema raw")
        con.execute(
            "create table raw.log (code varchar, unit varchar, day date, n integer, batch_id varchar)"
        )
        con.executemany("insert into raw.log values (?, ?, date '2025-06-30' + ?::integer, ?, 'b')", LOG)
        con.execute("create table raw.batches as select 'log' as source, 'b' as batch_id, true as is_current")
        days = "range(date '2025-07-01', date '2025-07-05', interval 1 day)"
        con.execute(f"create table raw.days as select range::date as day from {days}")
        con.execute("create table raw.parameters as select ?::timestamp as as_of, 'X' as place", [NOON])
        con.execute("create table raw.names as select 'w' as word")
        for statement in STATEMENTS:
            con.execute(f"create {statement.kind} {statement.relation} as {statement.sql}")
        yield con


def refresh(
    con: duckdb.DuckDBPyConnection, *changes: str, moved: str | None = None, as_of: datetime = NOON
) -> Refresh:
    """`changes`: what becomes of schema raw; `moved`: the rows that came or went."""
    for change in TAMPERED:
        con.execute(change)
    again = Refresh(con, STATEMENTS, Path(), {"log": moved})
    again.gather_keys(NOON, as_of)
    again.note_before()
    for change in changes:
        con.execute(change)
    list(again.derive())
    return again


def list_differing(con: duckdb.DuckDBPyConnection, name: str) -> list[int]:
    """The days of July of which a row is not what it would be anew."""
    [anew] = [statement.sql for statement in STATEMENTS if statement.name == name]
    differing = f"(from {name} except all ({anew})) union all (({anew}) except all from {name})"
    rows = con.execute(f"select distinct day from ({differing}) order by 1").fetchall()
    return [day.day for (day,) in rows]


def add(code: str, unit: str, day: int, count: int) -> dict[str, Any]:
    """A row that comes, as a change of schema raw and as what moved."""
    row = f"('{code}', '{unit}', date '2025-07-0{day}', {count}, 'b')"
    return {
        "moved": f"from (values {row}) as t (code, unit, day, n, batch_id)",
        "change": f"insert into raw.log values {row}",
    }


@pytest.mark.parametrize(
    ("row", "left"),
    [
        # One of the fourth day moves it; the fifth is none of the grid.
        (add("E", "u", 4, 5), [1, 2]),
        (add("E", "u", 5, 5), [1, 2]),
        (add("E", "u", 3, 5), [1, 2]),
        # One that comes late moves all days from its own on.
        (add("E", "v", 2, 5), [1]),
        (add("C", "u", 1, 5), []),
        # A unit that was not there has a row of every day; a day that nobody knows may be any.
        (add("E", "w", 4, 5), []),
        ({"change": "insert into raw.log values ('E', 'u', null, 5, 'b')",
          "moved": "select 'E' as code"}, []),
    ],
)  # fmt: skip
def test_days_before_the_first_that_moved_are_left_alone_and_all_others_are_as_anew(
    con: duckdb.DuckDBPyConnection, row: dict[str, Any], left: list[int]
) -> None:
    refresh(con, row["change"], moved=row["moved"])
    assert list_differing(con, "running") == list_differing(con, "steps") == left


@pytest.mark.parametrize(
    ("change", "as_of", "left"),
    [
        ("delete from raw.log where code = 'D'", NOON, [1, 2]),
        ("delete from raw.log where code = 'C'", NOON, [1]),
        ("delete from raw.log where code in ('C', 'D')", NOON, [1]),
        # The last row of a unit: it has a row of no day any more.
        ("delete from raw.log where code in ('B', 'D')", NOON, []),
        ("delete from raw.days where day > '2025-07-03'", NOON, [1, 2]),
        ("insert into raw.days values ('2025-07-05')", NOON, [1, 2]),
        ("delete from raw.days where day = '2025-07-01'", NOON, []),
        ("update raw.parameters set as_of = '2025-07-04 13:00:00'", NOON.replace(hour=13), [1, 2]),
        ("update raw.parameters set as_of = '2025-07-02 13:00:00'", NOON.replace(day=2), [1]),
        ("update raw.parameters set as_of = '2025-07-06 13:00:00'", NOON.replace(day=6), [1, 2]),
        # What every day reads.
        ("update raw.names set word = 'other'", NOON, []),
        ("update raw.parameters set place = 'Y'", NOON, []),
    ],
)
def test_whatever_moves_a_day_moves_those_after_it(
    con: duckdb.DuckDBPyConnection, change: str, as_of: datetime, left: list[int]
) -> None:
    gone = "from raw.log" if "raw.log" in change else None
    if gone:
        con.execute("create table raw.gone as from raw.log")
        gone = "from raw.gone where code in ('B', 'C', 'D')"
    refresh(con, change, moved=gone, as_of=as_of)
    assert list_differing(con, "running") == left
    # Where nothing that it reads is another, all is left alone.
    assert list_differing(con, "steps") in (left, [1, 2])


def test_where_no_day_is_another_nothing_is_derived(con: duckdb.DuckDBPyConnection) -> None:
    again = refresh(con, moved="select 'A' as code")
    assert again.tails.first_days == {} and list_differing(con, "running") == [1, 2]


def test_what_went_into_published_rows_and_tests_are_those_of_the_last_days(
    con: duckdb.DuckDBPyConnection,
) -> None:
    row = add("E", "u", 4, 5)
    again = refresh(con, row["change"], moved=row["moved"])
    rows = con.execute(f"select day from ({again.replaced_rows['running']})").fetchall()
    assert [day.day for (day,) in rows] == [4]
    tests = again.narrow_tests(
        {
            name: DataTest(["running"], 'select * from "warehouse"."main"."running"', True, together)
            for name, together in (("of_rows", ()), ("of_days", ("unit", "day")), ("of_units", ("unit",)))
        }
    )
    counts = {name: len(con.execute(test.query).fetchall()) for name, test in tests.items() if test}
    assert counts == {"of_rows": 2, "of_days": 2, "of_units": 8}


@pytest.mark.parametrize("day", range(1, 5))
@pytest.mark.parametrize(
    ("change", "differing"),
    [
        ("select 1", []),
        ("update running set word = 'left' where day = '2025-07-0{day}'", ["running"]),
        ("update steps set step = -1 where day = '2025-07-0{day}'", ["steps"]),
        ("delete from steps where day = '2025-07-0{day}' and unit = 'v'", ["steps"]),
    ],
)
def test_a_day_of_all_is_derived_again_and_compared(
    con: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    day: int,
    change: str,
    differing: list[str],
) -> None:
    monkeypatch.setattr(sample_check, "_draw_day", lambda *_: date(2025, 7, day))
    # A unit that came last has rows of all days.
    con.execute("insert into raw.log values ('E', 'w', date '2025-07-04', 5, 'b')")
    for statement in STATEMENTS:
        con.execute(f"create or replace {statement.kind} {statement.relation} as {statement.sql}")
    con.execute(change.format(day=day))
    again = Refresh(con, STATEMENTS, Path(), {"log": None})
    again.gather_keys(NOON, NOON)
    sample = sample_check.check_sample(con, again.lineage, again.rows, again.samples, again.tails)
    assert sample.differing == [f"{name} on 2025-07-0{day}" for name in differing]


def test_the_day_that_is_compared_is_any_of_the_table(con: duckdb.DuckDBPyConnection) -> None:
    drawn = {sample_check._draw_day(con, "running", "day") for _ in range(100)}
    assert drawn == {date(2025, 7, day) for day in range(1, 5)}
    con.execute("update running set day = null")
    assert sample_check._draw_day(con, "running", "day") is None


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({"raw.day": {"day": "day"}}, r"wrong: meta\.rebuild names \{'raw\.day'\}"),
        (
            {"raw.days": {"day": "day", "take": "moved"}},
            r"wrong: source\.thongsuot\.raw\.days has no sums that move",
        ),
    ],
)
def test_days_of_a_table_that_is_not_read_or_has_no_sums_are_refused(
    con: duckdb.DuckDBPyConnection, days: dict[str, Any], words: str
) -> None:
    wrong = state("wrong", "select day from {days}", "source.thongsuot.raw.days", day="day", days=days)
    again = Refresh(con, [*STATEMENTS, wrong], Path(), {"log": None})
    again.gather_keys(NOON, NOON)
    with pytest.raises(RefreshRefused, match=words):
        again.note_before()
