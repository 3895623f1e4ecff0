"""A build out of the one before is, table by table, the build from nothing: for any history of batches and moments.

So is what moved between the two, from the rows that differ and from all rows; and so is what a release of the rows that
were replaced holds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import example, given

from pipelines.explain.counting import Side
from pipelines.explain.explain_rule import ExplainRule, read_explain_rules
from pipelines.lake.apply import apply_change, find_change, is_applied
from pipelines.lake.content_hash import Content, hash_content
from pipelines.lake.manifest import Mart, read_marts, read_models
from pipelines.settings import Settings
from pipelines.warehouse.accepted_files import write_key_batches
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.refresh import Refresh
from pipelines.warehouse.replaced_rows import SCHEMA, find_replaced, record_replaced
from pipelines.warehouse.sample_check import check_sample
from pipelines.warehouse.touched_keys import count_rows
from tests.oracle import sources
from tests.oracle.made_up_histories import Build, history, one_day_more
from tests.oracle.memory_warehouse import MemoryWarehouse
from tests.support.boundaries import EXTENT
from tests.support.examples import bounded
from tests.support.explaining import list_changes, make_release

pytestmark = pytest.mark.slow
REFERENCE = ("units", "unit_mapping", "procedures", "reporting_cutoffs", "working_day_overrides")


@pytest.fixture(scope="module")
def pair(compiled: Settings) -> tuple[MemoryWarehouse, MemoryWarehouse]:
    """One that goes on from build to build, and one that begins anew each time."""
    pair = MemoryWarehouse(compiled), MemoryWarehouse(compiled)
    for project in pair:
        project.lay_out({name: sources.reference(name) for name in REFERENCE})
    return pair


@EXTENT
def test_what_is_derived_in_part_is_what_is_derived_anew(
    pair: tuple[MemoryWarehouse, MemoryWarehouse], compiled: Settings, every: bool
) -> None:
    following, anew = pair
    rules = read_explain_rules(read_models(compiled.dbt_target / "manifest.json"))
    marts = read_marts(compiled.dbt_target / "manifest.json")
    touched, explained, published = Counter[bool](), Counter[bool](), Counter[bool]()
    moved = Counter[str]()

    # What is made up may by chance move nothing; of what is known to move, some is asserted below.
    @example(builds=one_day_more())
    @bounded(every, 3, 150)
    @given(builds=history(3 if not every else 6))
    def check(builds: list[Build]) -> None:
        following.build(builds[0].raw)
        note_keys(following)
        contents = hash_tables(following.con)
        for before, build in pairwise(builds):
            earlier = keep_marts(following.con, before, rules)
            keep_lake(following.con, marts)
            keys, tails = refresh(following, before, build)
            touched[keys > 0] += 1
            moved.update(tails)
            anew.build(build.raw)
            earlier_contents, contents = contents, hash_tables(following.con)
            assert contents == hash_tables(anew.con)
            assert find_unnoted(following.con) == []
            published.update(publish_replaced(following.con, marts, earlier_contents, contents))
            later = Side("after", make_release(build.as_of), name_marts(rules))
            in_part, whole = (
                list_changes(following.con, earlier, later, rules, is_in_part=is_in_part)
                for is_in_part in (True, False)
            )
            assert in_part == whole
            explained[bool(whole)] += 1

    check()
    assert touched[True], "no history touched anything"
    assert explained[True], "no history moved a rate"
    by_day = {s.unique_id for s in following.statements if (rule := s.rule) and rule.day}
    assert moved.keys() == by_day, "of some table the last days alone were never derived again"
    assert published[True] and published[False], "nothing was published in part, or all of it"


def note_keys(project: MemoryWarehouse) -> None:
    with project.con.cursor() as con:
        con.execute("use warehouse")
        write_key_batches(con, Lineage(con, project.statements, list(sources.SOURCES)).list_keyed_tables())


def find_unnoted(con: duckdb.DuckDBPyConnection) -> list[object]:
    """Dossiers with a row in a batch in which nobody would look for it."""
    return con.execute(
        "select dossier_code, batch_id from raw.dossier_log where (hash(dossier_code) >> 16, batch_id) not in "
        "(select (key_hash, batch_id) from raw.key_batches)"
    ).fetchall()


def name_marts(rules: Sequence[ExplainRule]) -> dict[str, str]:
    """Every table that the rules read → its relation."""
    return {name: f"warehouse.{name}" for rule in rules for name in (rule.mart, *rule.reads)}


def keep_marts(con: duckdb.DuckDBPyConnection, build: Build, rules: Sequence[ExplainRule]) -> Side:
    """A copy of what a build gave, before the next one goes over it."""
    relations = {}
    for number, (name, relation) in enumerate(name_marts(rules).items()):
        relations[name] = f"temp.main.kept_{number}"
        con.execute(f"create or replace temp table kept_{number} as from {relation}")
    return Side("before", make_release(build.as_of), relations)


def keep_lake(con: duckdb.DuckDBPyConnection, marts: Sequence[Mart]) -> None:
    """The published tables as a lake would hold them before the next build."""
    con.execute("detach database if exists lake; detach database if exists scratch")
    con.execute("attach ':memory:' as lake; attach ':memory:' as scratch")
    for schema in sorted({mart.schema for mart in marts}):
        con.execute(f"create schema lake.{schema}")
    for mart in marts:
        con.execute(f"create table lake.{mart.qualified} as from warehouse.{mart.qualified}")


def publish_replaced(
    con: duckdb.DuckDBPyConnection,
    marts: Sequence[Mart],
    before: Mapping[str, Content],
    after: Mapping[str, Content],
) -> Iterator[bool]:
    """For each table that changed whether some of its rows alone were compared; they must give what all give.

    `before`, `after`: what the lake and the warehouse hold, hashed whole.
    """
    replaced = find_replaced(con, "warehouse")
    assert replaced
    for number, mart in enumerate(marts):
        name = mart.qualified
        change = find_change(con, mart, f"warehouse.{name}", before[name], number, replaced.keys.get(name))
        assert change.content == after[name], mart
        if change.content != before[name]:
            apply_change(con, change)
            assert is_applied(con, change) and hash_content(con, f"lake.{name}") == change.content, mart
            yield change.among is not None


# What is joined so is little: sums by day, or what they moved by, with the kinds of periods; feedback; dossiers with
# one moment.
FEW_ROWS = {
    "int_breakdown_periods", "int_dossier_durations", "int_index_use_periods", "int_submission_counts",
    "service_quality_items", "int_dossier_waiting",
}  # fmt: skip


def test_no_join_compares_each_row_with_each_period(pair: tuple[MemoryWarehouse, MemoryWarehouse]) -> None:
    project = pair[0]
    slow = set()
    for statement in project.models:
        with project.con.cursor() as con:
            con.execute("use warehouse")
            [(_, plan)] = con.execute(f"explain (format json) {statement.sql}").fetchall()
        for condition in find_slow_joins(json.loads(plan)):
            if statement.name == "int_index_dossiers" or "date_trunc" in condition:
                slow.add(statement.name)
    assert slow <= FEW_ROWS


def find_slow_joins(nodes: list[Any]) -> Iterator[str]:
    """The condition of each join for which DuckDB neither hashes nor sorts."""
    for node in nodes:
        if node["name"] == "BLOCKWISE_NL_JOIN":
            yield str(node["extra_info"])
        yield from find_slow_joins(node["children"])


def refresh(project: MemoryWarehouse, before: Build, build: Build) -> tuple[int, list[str]]:
    """How many keys were derived again, and the tables of which the last days alone were."""
    moved = [
        rows
        for name, rows in {**before.log, **build.log}.items()
        if (name in before.log) != (name in build.log)
    ]
    deliveries: dict[str, str | None] = dict.fromkeys(sources.SOURCES)
    if moved:
        project.lay_out_like("dossier_log", "moved_rows", pd.concat(moved))
        deliveries["dossier_log"] = "from raw.moved_rows"
    if not before.feedback.equals(build.feedback):
        deliveries["citizen_feedback"] = "from raw.citizen_feedback"
    with project.con.cursor() as con:
        con.execute("use warehouse")
        con.execute("begin")
        con.execute("select setseed(0.5)")  # what is drawn is the same when a failure is tried again
        again = Refresh(con, project.statements, project.project, deliveries)
        again.gather_keys(before.as_of, build.as_of)
        again.note_before()
        con.execute("commit")
        project.lay_out(build.raw)
        con.execute("begin")
        list(again.derive())
        con.execute(f"drop schema if exists {SCHEMA} cascade")
        record_replaced(con, again, "of before")
        con.execute("commit")
        assert check_sample(con, again.lineage, again.rows, again.samples, again.tails).differing == []
        tails = [
            name
            for name, first in again.tails.first_days.items()
            if count_rows(con, f"{again.lineage.relation(name)} where as_of_day < date '{first}'")
        ]
        return again.count_touched(), tails


def hash_tables(con: duckdb.DuckDBPyConnection) -> dict[str, Content]:
    """`schema.table` → content, of everything that was derived."""
    tables = con.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse' "
        "and schema_name in ('intermediate', 'marts', 'audit') order by all"
    ).fetchall()
    return {f"{schema}.{name}": hash_content(con, f'"{schema}"."{name}"') for schema, name in tables}
