"""What differs between two releases is the same, counted from the rows that differ as from all rows."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.explain.counting import Side, sum_items
from pipelines.explain.explain_rule import ExplainRule, Flip, RateRule
from pipelines.lake.ledger import Release
from tests.support.explaining import list_changes, make_release

ITEMS = "abcdef"
RULE = ExplainRule(
    mart="marts.register",
    source="log",
    item="code",
    unit="unit",
    period="period",
    rates=[
        RateRule(metric="online", counts="is_online", flip=Flip(field="channel")),
        RateRule(
            metric="early", counts="begun <= $as_of", among="is_online is not null", flip=Flip(field="x")
        ),
    ],
    reads=["marts.start"],
    among="begun >= (select min(day) from start)",
    begins="begun",
)
# Item → the day it began, its unit and whether it was online.
ROWS = st.dictionaries(
    st.sampled_from(ITEMS),
    st.tuples(st.integers(1, 9), st.sampled_from(["U1", "U2"]), st.sampled_from([True, False, None])),
)
Rows = dict[str, tuple[int, str, bool | None]]


def release(day: int) -> Release:
    return make_release(datetime(2025, 8, day))


def lay_out(con: duckdb.DuckDBPyConnection, side: str, rows: Rows, start: int) -> dict[str, str]:
    con.execute(
        f"create table register_{side} (code varchar, period varchar, begun timestamp, unit varchar, is_online boolean)"
    )
    for code, (day, unit, is_online) in rows.items():
        con.execute(
            f"insert into register_{side} values (?, 'p', ?, ?, ?)",
            [code, datetime(2025, 8, day), unit, is_online],
        )
    con.execute(f"create table start_{side} as select ?::timestamp as day", [datetime(2025, 8, start)])
    return {"marts.register": f"register_{side}", "marts.start": f"start_{side}"}


def read_changes(
    con: duckdb.DuckDBPyConnection, days: tuple[int, int], starts: tuple[int, int], sides: tuple[Rows, Rows],
    *, is_in_part: bool,
) -> list[tuple]:  # fmt: skip
    before, after = (
        Side(name, release(day), lay_out(con, name, rows, start))
        for name, day, rows, start in zip(("before", "after"), days, sides, starts, strict=True)
    )
    return list_changes(con, before, after, [RULE], is_in_part=is_in_part)


@settings(deadline=None, max_examples=25)
@given(
    ROWS,
    ROWS,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
def test_the_rows_that_differ_say_what_all_rows_say(
    before: Rows, changed: Rows, days: tuple[int, int], starts: tuple[int, int]
) -> None:
    """Some rows stay, some change; as_of and what the rule reads beside its mart move on their own."""
    after = {**before, **changed}
    for code in list(after)[::3]:
        del after[code]
    in_part, whole = (
        read_changes(duckdb.connect(), days, starts, (before, after), is_in_part=is_in_part)
        for is_in_part in (True, False)
    )
    assert in_part == whole


def test_what_moves_with_time_alone_is_found_though_no_row_differs() -> None:
    rows: Rows = {"a": (5, "U1", True), "b": (2, "U1", True)}
    changes = read_changes(duckdb.connect(), (4, 5), (1, 1), (rows, rows), is_in_part=True)
    assert [row[:3] for row in changes] == [("early", "p", "a")]


def test_rows_that_do_not_differ_are_not_counted_one_by_one() -> None:
    rows: Rows = {"a": (5, "U1", True), "b": (2, "U1", True)}
    con = duckdb.connect()
    read_changes(con, (9, 9), (1, 1), (rows, {**rows, "a": (5, "U2", True)}), is_in_part=True)
    assert con.execute("select distinct item_code from counted_after").fetchall() == [("a",)]


def test_a_rate_that_an_older_release_has_no_columns_for_is_left_out_there_alone() -> None:
    con = duckdb.connect()
    lay_out(con, "old", {"a": (5, "U1", True)}, 1)
    con.execute("alter table register_old drop column is_online;")
    rates = [
        RateRule(metric="online", counts="is_online", flip=Flip(field="channel")),
        RateRule(metric="begun", counts="begun <= $as_of", flip=Flip(field="x")),
    ]
    rules = [RULE.model_copy(update={"rates": rates})]
    relations = {"marts.register": "register_old", "marts.start": "start_old"}
    sum_items(con, Side("before", release(6), relations), rules)
    assert con.execute("select metric, numerator, denominator from sums_before").fetchall() == [
        ("begun", 1, 1)
    ]
    with pytest.raises(duckdb.BinderException, match="is_online"):
        sum_items(con, Side("after", release(6), relations), rules)
