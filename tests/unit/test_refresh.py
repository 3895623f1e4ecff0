"""A build out of the one before touches what changed and nothing else; what cannot be told apart is made whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.warehouse.accepted_files import write_key_batches
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.rebuild_rule import RebuildRule, read_rebuild_rule
from pipelines.warehouse.refresh import Refresh
from pipelines.warehouse.sample_check import check_sample
from pipelines.warehouse.statements import TABLE, VIEW, Statement
from pipelines.warehouse.worthwhile import LEAST_ROWS, Extent, measure_extent, refuse_what_costs_more

NOON, EVENING = datetime(2025, 8, 6, 12), datetime(2025, 8, 6, 18)
LOG = [("A", 1, NOON), ("B", 2, NOON), ("C", 3, EVENING)]


def state(name: str, sql: str, *parents: str, kind: str = TABLE, **rebuild: Any) -> Statement:
    return Statement(name, parents, "main", name, kind, sql, {}, {"rebuild": rebuild} if rebuild else {})


# One row of `states` per key and moment up to as_of, their sum by size, the sums' total, and the number of names.
STATEMENTS = [
    state("staged", 'select * from "warehouse"."raw"."log"', "source.thongsuot.raw.log", kind=VIEW),
    state(
        "run", 'select * from "warehouse"."raw"."parameters"', "source.thongsuot.raw.parameters", kind=VIEW,
        moment=["as_of"],
    ),
    state("names", 'select * from "warehouse"."raw"."names"', "source.thongsuot.raw.names"),
    state(
        "states",
        'select s.code, s.n, names.name from "warehouse"."main"."staged" as s '
        'inner join "warehouse"."main"."run" as run on s.recorded_at <= run.as_of '
        'left join "warehouse"."main"."names" as names on s.code = names.code',
        "staged", "run", "names", by="code", touched={"main.staged": "recorded_at > earlier"},
    ),
    state(
        "sums", 'select name, n > 2 as is_large, sum(n)::bigint as total from "warehouse"."main"."states" group by all',
        "states", by="code", sums=["total"],
    ),
    state("total", 'select sum(total) as total from "warehouse"."main"."sums"', "sums"),
]  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as warehouse; use warehouse; create schema raw")
        con.execute("create table raw.log (code varchar, n integer, recorded_at timestamp, batch_id varchar)")
        con.executemany("insert into raw.log values (?, ?, ?, 'b')", LOG)
        con.execute(
            "create table raw.batches as "
            "select 'log' as source, 'b' as batch_id, true as is_current, 3 as rows_accepted"
        )
        con.execute("create table raw.parameters as select ?::timestamp as as_of, 'X' as place", [NOON])
        con.execute("create table raw.names as select 'A' as code, 'first' as name")
        for statement in STATEMENTS:
            kind = statement.kind
            con.execute(f"create {kind} {statement.relation} as {statement.sql}")
        # What a whole build would put right again.
        con.execute("update states set name = 'left alone' where code = 'B'")
        yield con


def refresh(
    con: duckdb.DuckDBPyConnection, *changes: str, moved: str | None = None, as_of: datetime = NOON
) -> dict[str, list[Any]]:
    """`changes`: what becomes of schema raw; `moved`: the rows that came or went."""
    again = Refresh(con, STATEMENTS, Path(), {"log": moved})
    again.gather_keys(NOON, as_of)
    again.note_before()
    for change in changes:
        con.execute(change)
    assert [result.unique_id for result in again.derive()] == [s.unique_id for s in STATEMENTS]
    return {name: con.execute(f"from {name} order by all").fetchall() for name in ("states", "sums", "total")}


def test_where_nothing_changed_nothing_is_derived(con: duckdb.DuckDBPyConnection) -> None:
    tables = refresh(con)
    assert tables["states"] == [("A", 1, "first"), ("B", 2, "left alone")] and tables["total"] == [(3,)]


def test_a_key_whose_rows_came_is_derived_again_and_its_sums_move(con: duckdb.DuckDBPyConnection) -> None:
    tables = refresh(
        con, f"insert into raw.log values ('A', 5, '{NOON}', 'b')", moved="select 'A' as code, 5 as n"
    )
    assert tables["states"] == [("A", 1, "first"), ("A", 5, "first"), ("B", 2, "left alone")]
    assert tables["sums"] == [("first", False, 1), ("first", True, 5), (None, False, 2)]
    assert tables["total"] == [(8,)]


def test_a_key_whose_rows_went_leaves_no_sum_of_nothing(con: duckdb.DuckDBPyConnection) -> None:
    tables = refresh(con, "delete from raw.log where code = 'A'", moved="select 'A' as code")
    assert tables == {"states": [("B", 2, "left alone")], "sums": [(None, False, 2)], "total": [(2,)]}


def test_as_of_touches_what_lies_between_its_two_moments(con: duckdb.DuckDBPyConnection) -> None:
    tables = refresh(con, f"update raw.parameters set as_of = '{EVENING}'", as_of=EVENING)
    assert tables["states"] == [("A", 1, "first"), ("B", 2, "left alone"), ("C", 3, None)]
    assert tables["total"] == [(6,)]


@pytest.mark.parametrize(
    "change",
    ["update raw.names set name = 'second'", "update raw.parameters set place = 'Y'"],
)
def test_what_every_key_reads_makes_the_table_whole(con: duckdb.DuckDBPyConnection, change: str) -> None:
    tables = refresh(con, change)
    assert ("B", 2, None) in tables["states"]


def test_what_moves_with_as_of_alone_is_not_derived_again_above(con: duckdb.DuckDBPyConnection) -> None:
    seen = state(
        "seen",
        'select s.code, run.as_of from "warehouse"."main"."states" as s cross join "warehouse"."main"."run" as run',
        "states", "run", by="code", touched={"main.states": "true"},
    )  # fmt: skip
    con.execute(f"create table seen as {seen.sql}")
    again = Refresh(con, [*STATEMENTS[:4], seen], Path(), {"log": None})
    again.gather_keys(NOON, EVENING)
    again.note_before()
    con.execute(f"update raw.parameters set as_of = '{EVENING}'")
    list(again.derive())
    assert con.execute("from seen order by code").fetchall() == [
        ("A", EVENING),
        ("B", EVENING),
        ("C", EVENING),
    ]
    assert ("B", 2, "left alone") in con.execute("from states").fetchall()


# Sums by name added up by initial, which no accepted row has; what is said of an initial; the two together.
INITIALS = [
    state(
        "initials", 'select left(name, 1) as initial, sum(total)::bigint as total from "warehouse"."main"."sums" '
        "where name is not null group by all",
        "sums", of="main.sums", sums=["total"],
    ),
    state(
        "words", 'select initial, word, run.as_of from "warehouse"."raw"."words" as words '
        'cross join "warehouse"."main"."run" as run',
        "source.thongsuot.raw.words", "run", by="initial", compared=True, moment=["as_of"],
    ),
    state(
        "pairs", 'select s.initial, s.total, w.word from "warehouse"."main"."initials" as s '
        'inner join "warehouse"."main"."words" as w on s.initial = w.initial',
        "initials", "words", by="initial",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "moved", "expected"),
    [
        # Code A is the first: more of it, less of it; of code B, which has no name, nothing is seen.
        (f"insert into raw.log values ('A', 5, '{NOON}', 'b')", "A", [("f", 6, "word"), ("g", 7, "alone")]),
        ("delete from raw.log where code = 'A'", "A", [("g", 7, "alone")]),
        (f"insert into raw.log values ('B', 5, '{NOON}', 'b')", "B", [("f", 1, "alone"), ("g", 7, "alone")]),
        (
            "update raw.words set word = 'other' where initial = 'f'",
            None,
            [("f", 1, "other"), ("g", 7, "alone")],
        ),
        ("update raw.words set initial = 'h' where initial = 'f'", None, [("g", 7, "alone")]),
        (f"update raw.parameters set as_of = '{EVENING}'", None, [("f", 1, "alone"), ("g", 7, "alone")]),
    ],
)
def test_a_value_that_no_accepted_row_has_is_touched_by_its_sums_and_by_what_is_compared(
    con: duckdb.DuckDBPyConnection, change: str, moved: str | None, expected: list[Any]
) -> None:
    con.execute(
        "create table raw.words as select * from (values ('f', 'word'), ('g', 'word')) as t (initial, word)"
    )
    con.execute("insert into raw.names values ('G', 'g')")
    con.execute(f"insert into raw.log values ('G', 7, '{NOON}', 'b')")
    for statement in [*STATEMENTS[2:], *INITIALS]:
        con.execute(f"create or replace table {statement.relation} as {statement.sql}")
    con.execute("update pairs set word = 'alone'")
    again = Refresh(
        con, [*STATEMENTS, *INITIALS], Path(), {"log": f"select '{moved}' as code" if moved else None}
    )
    again.gather_keys(NOON, EVENING if "as_of" in change else NOON)
    again.note_before()
    con.execute(change)
    list(again.derive())
    assert con.execute("from pairs order by all").fetchall() == expected
    whole = con.execute(f"from ({INITIALS[0].sql}) order by all").fetchall()
    assert con.execute("from initials order by all").fetchall() == whole


def test_keys_that_only_a_comparison_tells_are_derived_again_too_and_their_sums_move(
    con: duckdb.DuckDBPyConnection,
) -> None:
    blamed = state("blamed", 'select code from "warehouse"."raw"."blames"', "source.thongsuot.raw.blames", by="code",
                   compared=True)  # fmt: skip
    verdicts = state(
        "verdicts",
        'select s.code, s.n, s.name, blamed.code is not null as is_blamed from "warehouse"."main"."states" as s '
        'left join "warehouse"."main"."blamed" as blamed on s.code = blamed.code',
        "states", "blamed", by="code",
    )  # fmt: skip
    counted = state(
        "counted", 'select is_blamed, sum(n)::bigint as total from "warehouse"."main"."verdicts" group by all',
        "verdicts", by="code", sums=["total"],
    )  # fmt: skip
    con.execute("create table raw.blames as select 'A' as code")
    for statement in (blamed, verdicts, counted):
        con.execute(f"create table {statement.relation} as {statement.sql}")
    again = Refresh(con, [*STATEMENTS[:4], blamed, verdicts, counted], Path(), {"log": "select 'A' as code"})
    again.gather_keys(NOON, NOON)
    again.note_before()
    con.execute(f"update raw.blames set code = 'B'; insert into raw.log values ('A', 5, '{NOON}', 'b')")
    list(again.derive())
    assert con.execute("select code, n, is_blamed from verdicts order by all").fetchall() == [
        ("A", 1, False), ("A", 5, False), ("B", 2, True),
    ]  # fmt: skip
    assert con.execute("from counted order by all").fetchall() == [(False, 6), (True, 2)]
    # B itself had no new rows: its states are as they were.
    assert ("B", 2, "left alone") in con.execute("from states").fetchall()
    assert again.count_touched() == 2


def test_a_sample_finds_what_is_not_what_its_rows_give(con: duckdb.DuckDBPyConnection) -> None:
    def check() -> tuple[int, list[str]]:
        con.execute("begin")
        again = Refresh(con, STATEMENTS, Path(), {"log": None})
        again.gather_keys(NOON, NOON)
        result = check_sample(con, again.lineage, again.rows, again.samples, again.tails)
        con.execute("rollback")
        return result

    assert check() == (3, ["states"])
    con.execute("update states set name = null where code = 'B'")
    assert check() == (3, [])


def test_what_would_be_derived_again_is_measured_before(con: duckdb.DuckDBPyConnection) -> None:
    again = Refresh(con, STATEMENTS, Path(), {"log": "select 'A' as code"})
    again.gather_keys(NOON, NOON)
    assert measure_extent(con, again.lineage, again.touched) == Extent(rows=3, keys=2, share=0.5)


def test_how_many_keys_there_are_is_asked_of_a_table_that_has_one_row_of_each(
    con: duckdb.DuckDBPyConnection,
) -> None:
    register = state("register", STATEMENTS[3].sql, "staged", "run", "names", by="code", touched={})
    statements = [*STATEMENTS, register._replace(meta={**register.meta, "key": ["code"]})]
    # One more than the other tables by this key have.
    con.execute("create table register as from states union all select 'Z', 0, null")
    again = Refresh(con, statements, Path(), {"log": None})
    again.gather_keys(NOON, NOON)
    assert measure_extent(con, again.lineage, again.touched).keys == 3


@pytest.mark.parametrize(
    ("extent", "reason"),
    [
        (Extent(LEAST_ROWS - 1, 50_000, 0.01), "it costs no more: 299999 rows are fewer than 300000"),
        (Extent(LEAST_ROWS, 50_000, 0.16), "it costs less: on average 16.0% of 50000 keys"),
        (Extent(LEAST_ROWS, 50_000, 0.15), ""),
    ],
)
def test_a_build_in_part_is_refused_where_it_costs_more(extent: Extent, reason: str) -> None:
    with pytest.raises(RefreshRefused, match=reason) if reason else nullcontext():
        refuse_what_costs_more(extent)


def test_a_row_without_its_key_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(RefreshRefused, match="a row has no code"):
        refresh(con, moved="select null::varchar as code")


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"sums": ["n"]},
        {"by": "a", "moment": ["b"]},
        {"by": "a", "some": "word"},
        {"by": "a", "of": "main.t", "sums": ["n"]},
        {"of": "main.t"},
        {"of": "main.t", "sums": ["n"], "touched": {"main.t": "true"}},
        {"by": "a", "compared": True, "sums": ["n"]},
        {"day": "d"},
        {"by": "a", "days": {"main.t": {"day": "d"}}},
        {"by": "a", "day": "d", "days": {"main.t": {"day": "d"}}},
        {"day": "d", "days": {"main.t": {"day": "d", "take": "some"}}},
    ],
)
def test_a_rule_that_says_too_little_or_too_much_is_refused_by_its_model(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"main\.t: meta\.rebuild"):
        read_rebuild_rule("main.t", {"rebuild": rule})


def test_a_rule_names_columns_and_tables_that_are_there(models: dict[str, dict[str, Any]]) -> None:
    schemas = {f"{n['schema']}.{n['alias']}" for n in models.values()}
    rules = {n["name"]: read_rebuild_rule(n["name"], n["config"]["meta"]) for n in models.values()}
    assert {rule.by for rule in rules.values() if rule} == {"dossier_code", "period_start", None}
    for name, rule in rules.items():
        assert rule is None or set(rule.touched or ()) <= schemas, name


def test_sums_are_by_groups_that_a_test_holds_apart(manifest: dict[str, Any]) -> None:
    """A column that is forgotten in `sums` would become a group: its old value would stay beside the new one."""
    groups = {
        node["attached_node"]: set(node["test_metadata"]["kwargs"]["columns"])
        for node in manifest["nodes"].values()
        if node.get("test_metadata", {}).get("name") == "unique_combination"
    }
    for unique_id, rule in list_rules(manifest).items():
        if rule.sums:
            assert unique_id in groups and not groups[unique_id] & set(rule.sums), unique_id


def test_sums_of_sums_and_what_is_compared_are_read_by_what_can_follow_them(manifest: dict[str, Any]) -> None:
    rules = list_rules(manifest)
    names = {f"{n['schema']}.{n['alias']}": unique_id for unique_id, n in manifest["nodes"].items()}
    for unique_id, rule in rules.items():
        parents = manifest["nodes"][unique_id]["depends_on"]["nodes"]
        if rule.of:
            assert names[rule.of] in parents and rules[names[rule.of]].sums, unique_id
        if rule.compared:
            assert manifest["nodes"][unique_id]["config"]["materialized"] == "table", unique_id
        if rule.sums:
            assert not [p for p in parents if p in rules and rules[p].compared and rules[p].by == rule.by], (
                unique_id
            )


def list_rules(manifest: dict[str, Any]) -> dict[str, RebuildRule]:
    nodes = {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}
    return {k: rule for k, n in nodes.items() if (rule := read_rebuild_rule(n["name"], n["config"]["meta"]))}


# Key A in three batches, B in the first and C in the last alone.
BATCHES = [("A", 1, "b1"), ("B", 2, "b1"), ("A", 3, "b2"), ("A", 5, "b3"), ("C", 4, "b3")]


def lay_out_batches(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from raw.log")
    con.executemany(f"insert into raw.log values (?, ?, '{NOON}', ?)", BATCHES)
    con.execute(f"create or replace table states as {STATEMENTS[3].sql}")
    con.execute(f"create or replace table sums as {STATEMENTS[4].sql}")
    write_key_batches(con, {"code": ["log"]})


def refresh_anew(con: duckdb.DuckDBPyConnection, *changes: str, moved: str) -> dict[str, list[Any]]:
    """As the next build does: what one lays out for a while is gone with its connection."""
    with con.cursor() as own:
        own.execute("use warehouse")
        return refresh(own, *changes, moved=moved)


def test_rows_of_a_key_are_looked_for_in_every_batch_that_has_some_and_in_no_other(
    con: duckdb.DuckDBPyConnection,
) -> None:
    lay_out_batches(con)
    # B came late, in a batch of its own; of A a row went with its batch; both lie elsewhere too.
    moved = "from (values ('B', 7, 'b4'), ('A', 3, 'b2')) as t (code, n, batch_id)"
    late = f"insert into raw.log values ('B', 7, '{NOON}', 'b4'); delete from raw.log where batch_id = 'b2'"
    tables = refresh_anew(con, late, moved=moved)
    assert tables["states"] == [("A", 1, "first"), ("A", 5, "first"), ("B", 2, None), ("B", 7, None),
                                ("C", 4, None)]  # fmt: skip
    # It comes back.
    back = f"insert into raw.log values ('A', 3, '{NOON}', 'b2')"
    tables = refresh_anew(con, back, moved="select 'A' as code, 3 as n, 'b2' as batch_id")
    assert [row for row in tables["states"] if row[0] == "A"] == [(code, n, "first") for code, n, _ in BATCHES
                                                                  if code == "A"]  # fmt: skip
    # Where nobody noted that, a row is not found: nothing else is read.
    con.execute("delete from raw.key_batches where batch_id = 'b1'")
    tables = refresh_anew(con, moved="select 'A' as code, 3 as n, 'b2' as batch_id")
    assert [row[1] for row in tables["states"] if row[0] == "A"] == [3, 5]


def test_a_sample_finds_that_a_key_was_not_looked_for_where_it_is(con: duckdb.DuckDBPyConnection) -> None:
    lay_out_batches(con)
    con.execute("update raw.batches set batch_id = 'b3'")
    con.execute("delete from raw.key_batches where batch_id = 'b1'")
    again = Refresh(con, STATEMENTS, Path(), {"log": None})
    again.gather_keys(NOON, NOON)
    assert check_sample(con, again.lineage, again.rows, again.samples, again.tails).differing == ["states"]
