"""What a mart's own meta says of it: how a row is traced, and how its change is explained."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import pytest

from pipelines.explain.trace_rule import TraceRule, read_trace_rule
from pipelines.lake.manifest import SCHEMAS
from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract import load_contracts

Node = dict[str, Any]


@pytest.fixture(scope="module")
def published(models: dict[str, Node]) -> dict[str, Node]:
    """`schema.table` → node, of everything that a release holds."""
    return {f"{n['schema']}.{n['alias']}": n for n in models.values() if n["schema"] in SCHEMAS}


@pytest.fixture(scope="module")
def rules(published: dict[str, Node]) -> dict[str, TraceRule]:
    """Of the marts that count items; a mart that says nothing of it fails here by its name."""
    read = {name: read_trace_rule(name, node["config"]["meta"]) for name, node in published.items()}
    return {name: rule for name, rule in read.items() if rule is not None}


@pytest.fixture(scope="module")
def empty(published: dict[str, Node]) -> duckdb.DuckDBPyConnection:
    """Every published table as its contract types it, without a row."""
    con = duckdb.connect()
    for schema in SCHEMAS:
        con.execute(f"create schema {schema}")
    for name, node in published.items():
        columns = ", ".join(f"{c} {column['data_type']}" for c, column in node["columns"].items())
        con.execute(f"create table {name} ({columns})")
    return con


def test_a_mart_that_does_not_say_what_it_counts_is_refused_by_its_name() -> None:
    for meta in ({}, {"trace": "none"}, {"trace": {"none": ""}}, {"trace": {"source": "dossier_log"}}):
        with pytest.raises(ValueError, match=r"marts\.new"):
            read_trace_rule("marts.new", meta)
    assert read_trace_rule("marts.new", {"trace": {"none": "describes days"}}) is None


def test_every_published_mart_says_what_it_counts_or_why_it_counts_nothing(
    published: dict[str, Node], rules: dict[str, TraceRule]
) -> None:
    assert {"marts.online_submission_rate", "marts.task_completion", "marts.issue_backlog"} <= set(rules)
    assert set(rules) <= set(published)


def test_a_trace_names_columns_sources_and_tables_that_are_there(
    published: dict[str, Node], rules: dict[str, TraceRule]
) -> None:
    sources = load_contracts(PROJECT / "sources.yaml").sources
    for name, rule in rules.items():
        columns = published[name]["columns"]
        assert rule.source in sources, name
        assert rule.items in {c.name for c in sources[rule.source].columns}, name
        assert rule.items in published[rule.relation]["columns"], name
        assert rule.counts is None or rule.counts in columns, name
        assert set(re.findall(r"\$(\w+)", rule.condition)) <= set(columns), name


def test_the_condition_of_every_trace_can_be_run(
    empty: duckdb.DuckDBPyConnection, published: dict[str, Node], rules: dict[str, TraceRule]
) -> None:
    for name, rule in rules.items():
        row = {c: f"(select {c} from {name})" for c in published[name]["columns"]}
        condition = re.sub(r"\$(\w+)", lambda match, row=row: row[match[1]], rule.condition)
        try:
            empty.execute(f"select {rule.items} from {rule.relation} where {condition}")
        except duckdb.Error as error:
            pytest.fail(f"{name}: meta.trace.condition: {error}")
