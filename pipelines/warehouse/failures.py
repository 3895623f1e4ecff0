"""What a failed build says: which test or model, the rows at fault, what it rests on, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from pipelines import duck
from pipelines.privacy.detectors import redacted_sql, register_detectors
from pipelines.settings import Settings
from pipelines.warehouse.compiled import DataTest, read_compiled
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.parsed import MANIFEST

ROWS_LISTED = 3
# What identifies a row comes first, then the others, as many as a line holds.
COLUMNS_LISTED = 6
KEYS = ("batch_id", "source", "partition_key", "snapshot_day", "as_of_day")


def describe_failures(settings: Settings, results: list[NodeResult]) -> str:
    """What failed, with the rows at fault and the deliveries behind them, and what to do next."""
    failed = [result for result in results if result.failed]
    nodes = _read_nodes(settings)
    tests = read_compiled(settings).tests if any(result.status == "fail" for result in failed) else {}
    blocks = []
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        register_detectors(con)
        for result in failed:
            blocks.append(_describe(con, nodes, result, tests.get(result.unique_id)))
        names = sorted({name for result in failed for name in _list_sources(nodes, result.unique_id)})
        deliveries = [text for name in names if (text := _describe_newest(con, name))]
    lines = [
        f"dbt: {len(failed)} of {len(results)} nodes failed; nothing is published, the last release is still served.",
        *blocks,
    ]
    if deliveries:
        lines += ["They rest on:", *deliveries]
        lines.append(
            "`thongsuot sources check NAME --partition DAY` says what of a delivery does not fit sources.yaml (a wrong "
            "header, word, format or key); a delivery that is wrong itself: pull it again (`thongsuot run --again`)."
        )
    return "\n".join([*lines, f"{settings.warehouse} keeps the build for inspection."])


def _read_nodes(settings: Settings) -> Mapping[str, Any]:
    content = json.loads((settings.dbt_target / MANIFEST).read_text(encoding="utf-8"))
    return {**content["nodes"], **content["sources"]}


def _describe(
    con: duckdb.DuckDBPyConnection, nodes: Mapping[str, Any], result: NodeResult, test: DataTest | None
) -> str:
    name = result.unique_id.split(".", 2)[-1]
    node = nodes.get(result.unique_id, {})
    if node.get("resource_type") != "test" or result.status != "fail":
        return f"- {name}: {result.status}, {' '.join(result.message.split())[:400]}"
    about = " ".join(str(node.get("description") or "").split()).partition(" / VI")[0].removeprefix("EN ")
    column = f".{node['column_name']}" if node.get("column_name") else ""
    models = ", ".join(dict.fromkeys(_name_of(parent) for parent in node["depends_on"]["nodes"]))
    where = f"{models}{column}"
    lines = [
        f"- {where}: {result.failures} rows against the test `{node['name']}`{f' ({about})' if about else ''}"
    ]
    return "\n".join([*lines, *(f"    {row}" for row in _list_rows(con, test))])


def _name_of(unique_id: str) -> str:
    """`model.thongsuot.dim_unit.v1` → `dim_unit`."""
    return unique_id.split(".")[2]


def _list_rows(con: duckdb.DuckDBPyConnection, test: DataTest | None) -> list[str]:
    """The first rows that a test found, as `column=value`."""
    if test is None:
        return []
    relation = con.sql(f"select * from (\n{test.query}\n) limit {ROWS_LISTED}")
    names = sorted(relation.columns, key=lambda c: c not in KEYS and not c.endswith("_code"))[:COLUMNS_LISTED]
    texts = ", ".join(redacted_sql(f"cast({duck.identifier(name)} as varchar)") for name in names)
    return [
        ", ".join(f"{name}={value}" for name, value in zip(names, row, strict=True) if value is not None)
        for row in relation.project(texts).fetchall()
    ]


def _list_sources(nodes: Mapping[str, Any], unique_id: str) -> set[str]:
    """The raw tables that a node rests on, however far up."""
    names: set[str] = set()
    open_ids, past = [unique_id], set()
    while open_ids:
        current = open_ids.pop()
        if current in past:
            continue
        past.add(current)
        if current.startswith("source."):
            names.add(current.rsplit(".", 1)[-1])
        open_ids += nodes.get(current, {}).get("depends_on", {}).get("nodes", [])
    return names


def _describe_newest(con: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """The newest delivery of a source that counts; None for what no source delivers."""
    row = con.execute(
        "select partition_key, batch_id, origin, rows_accepted from raw.batches where source = ? and is_current "
        "order by partition_key desc limit 1",
        [name],
    ).fetchone()
    if row is None:
        return None
    return f"    {name}: newest delivery {row[0]}, batch {row[1]} ({row[3]:,} rows) from {str(row[2])[:100]}"
