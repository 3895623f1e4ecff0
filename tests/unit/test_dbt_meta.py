"""What a mart's own meta says of it: how a row is traced, and how its change is explained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.explain.counting import counting_sql
from pipelines.explain.evidence import gather_evidence
from pipelines.explain.explain_rule import ExplainRule, read_explain_rules
from pipelines.explain.trace_rule import TraceRule, read_trace_rule
from pipelines.explain.withdrawals import create_withdrawals
from pipelines.lake.manifest import SCHEMAS
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.canon import read_canon
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


@pytest.fixture(scope="module")
def explain_rules(published: dict[str, Node]) -> list[ExplainRule]:
    return read_explain_rules(published)


def relations(published: dict[str, Node]) -> dict[str, str]:
    return {name: name for name in published}


def test_the_headline_the_tasks_and_the_issues_are_explained(explain_rules: list[ExplainRule]) -> None:
    assert {rule.mart for rule in explain_rules} >= {
        "marts.dossier_register", "audit.headline_dossiers", "marts.task_ledger", "marts.issue_backlog",
    }  # fmt: skip


def test_an_explanation_that_says_too_little_is_refused_by_its_mart() -> None:
    node = {"config": {"meta": {"explain": {"source": "dossier_log", "item": "dossier_code"}}}}
    with pytest.raises(ValueError, match=r"(?s)marts\.new: meta\.explain.*unit"):
        read_explain_rules({"marts.new": node})


def test_every_explained_rate_can_be_counted(
    empty: duckdb.DuckDBPyConnection, published: dict[str, Node], explain_rules: list[ExplainRule]
) -> None:
    sources = load_contracts(PROJECT / "sources.yaml").sources
    for rule in explain_rules:
        assert rule.source in sources, rule.mart
        canon = read_canon().sources[rule.source]
        assert canon.kind == "snapshot" or canon.evidence, f"{rule.source}: its contract has no `evidence`"
        assert rule.tables <= set(published), rule.mart
        metrics = [rate.metric for rate in rule.rates]
        assert len(set(metrics)) == len(metrics), rule.mart
        for rate in rule.rates:
            assert rate.within is None or rate.within in metrics, f"{rule.mart}: {rate.metric}"
            query = counting_sql(rule, rate, relations(published)).replace("$as_of", "timestamp '2025-08-06'")
            try:
                empty.execute(query)
            except duckdb.Error as error:
                pytest.fail(f"{rule.mart}: meta.explain, {rate.metric}: {error}")


def test_the_evidence_of_an_event_log_names_columns_and_tables_that_are_there(
    manifest: Node, settings: Settings
) -> None:
    contracts = load_contracts(PROJECT / "sources.yaml")
    evidence = {name: canon.evidence for name, canon in read_canon().sources.items() if canon.evidence}
    assert "dossier_log" in evidence
    built = {f"{n['schema']}.{n['alias']}" for n in manifest["nodes"].values() if "alias" in n}
    batches = "(select '' as batch_id, date '2025-08-05' as partition_key, '' as source, true as is_current)"
    rejections = (
        "(select '' as batch_id, date '2025-08-05' as partition_key, 1::bigint as _row, '' as source, "
        "true as is_current)"
    )
    tables = {"audit.batches": batches, "audit.rejections": rejections}
    for name, meta in evidence.items():
        assert set(meta.reads) <= built, name
        con = duckdb.connect()
        con.execute(
            "attach ':memory:' as warehouse; create schema warehouse.raw; create schema warehouse.seeds"
        )
        typed = ", ".join(f"{c} {kind}" for c, kind in contracts.accepted_columns()[name].items())
        con.execute(f"create table warehouse.raw.{name} ({typed})")
        for table in meta.reads:
            con.execute(f"create table warehouse.{table} as from read_csv('{seed_file(table)}')")
        con.execute("create temp table changed (item_code varchar)")
        create_withdrawals(con)
        gather_evidence(con, settings, contracts.sources[name], meta, tables, tables)
        assert con.execute("select count(*) from deliveries").fetchone() == (0,)


def seed_file(table: str) -> Path:
    return PROJECT / "dbt_project" / "seeds" / f"{table.split('.')[1]}.csv"
