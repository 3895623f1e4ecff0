"""What dbt compiled, kept as SQL: seeds and models in the order to build them, and data tests.

dbt compiles once per project, at installation like its parse; what it gives depends on the project alone. `dbt build`
by hand runs the same project as ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb

from pipelines.settings import Settings
from pipelines.warehouse import dbt, parsed
from pipelines.warehouse.dbt import DbtError
from pipelines.warehouse.rebuild_rule import read_rebuild_rule
from pipelines.warehouse.statements import SEED, TABLE, VIEW, ContractColumn, Statement

FILE, SPARK_FILE = "compiled.json", "compiled_spark.json"
# Raised when the file holds something else than before.
FORMAT = "3"
# How a node must be configured to be run without dbt: what else dbt can do is refused when it is compiled.
TEST_CONFIGURATION: Mapping[str, object] = {
    "severity": "ERROR",
    "fail_calc": "count(*)",
    "warn_if": "!= 0",
    "error_if": "!= 0",
}
# A relation as dbt writes it for DuckDB: Spark has one catalogue, and its own quotes.
RELATION = re.compile(r'"warehouse"\."(\w+)"\."(\w+)"')
NOT_OF_TESTS = ("where", "limit", "store_failures")
NOT_OF_RELATIONS = ("pre_hook", "post_hook", "grants", "persist_docs", "sql_header", "indexes")
SEED_CONFIGURATION: Mapping[str, object] = {"delimiter": ",", "quote_columns": None}


# Generic tests that judge rows one by one → where they judge together those that agree in some columns, the
# argument that names these.
TESTS_OF_ROWS: Mapping[str, str] = {
    "not_null": "", "accepted_values": "", "holds": "", "parts_add_up": "", "unique": "column_name",
    "unique_combination": "columns",
}  # fmt: skip


class DataTest(NamedTuple):
    """`query`: the rows that break it; `parents`: the nodes that it reads.

    `is_of_rows`: it judges each row of its one parent, or those that agree in the columns `together`, whatever the
    others are.
    """

    parents: Sequence[str]
    query: str
    is_of_rows: bool = False
    together: Sequence[str] = ()


class Compiled(NamedTuple):
    """`statements`: parents first; `tests`: unique_id → test."""

    statements: Sequence[Statement]
    tests: Mapping[str, DataTest]


def read_compiled(settings: Settings) -> Compiled:
    """Compiled where nobody did so for this project and this dbt; DbtError where it cannot be."""
    return _read_kept(settings, FILE, _compile)


def read_compiled_for_spark(settings: Settings) -> Compiled:
    """The same seeds, models and tests in Spark's words; a seed is the same file."""
    return _read_kept(settings, SPARK_FILE, _compile_for_spark)


def _read_kept(settings: Settings, name: str, compile_project: Callable[[Settings], Compiled]) -> Compiled:
    project, target = settings.dbt_project, settings.dbt_target
    content = parsed.read_derived(project, target, name, FORMAT)
    if content is None:
        compiled = compile_project(settings)
        content = {
            "statements": [
                statement._asdict() | {"columns": {n: c._asdict() for n, c in statement.columns.items()}}
                for statement in compiled.statements
            ],
            "tests": {name: test._asdict() for name, test in compiled.tests.items()},
        }
        parsed.write_derived(project, target, name, FORMAT, content)
    statements = [
        Statement(**fields | {"columns": {n: ContractColumn(**c) for n, c in fields["columns"].items()}})
        for fields in content["statements"]
    ]
    return Compiled(
        statements,
        {
            name: DataTest(**test | {"together": tuple(test["together"])})
            for name, test in content["tests"].items()
        },
    )


def _compile(settings: Settings) -> Compiled:
    """Beside a warehouse that has nothing but the seeds, whose types dbt finds out while it loads them."""
    with TemporaryDirectory() as folder:
        empty = replace(settings, data=Path(folder))
        nodes = {node.unique_id: node for node in [*dbt.load_seeds(empty), *dbt.compile_nodes(empty)]}
        with duckdb.connect(str(empty.warehouse)) as con:
            for node in nodes.values():
                _refuse_unsupported(node)
            relations = [node for node in nodes.values() if node.resource_type != "test"]
            statements = {node.unique_id: _state(con, node) for node in relations}
    tests = {node.unique_id: _describe_test(node) for node in nodes.values() if node.resource_type == "test"}
    return Compiled(list(_order(statements)), tests)


def _compile_for_spark(settings: Settings) -> Compiled:
    """dbt reads macros/dialect/ under another target; order, contracts and tests are those of the usual build."""
    compiled = read_compiled(settings)
    with TemporaryDirectory() as folder:
        nodes = dbt.compile_nodes(replace(settings, data=Path(folder)), target="spark")
    texts = {node.unique_id: RELATION.sub(r"`\1`.`\2`", str(node.compiled_code)) for node in nodes}
    return Compiled(
        [
            statement if statement.kind == SEED else statement._replace(sql=texts[statement.unique_id])
            for statement in compiled.statements
        ],
        {name: test._replace(query=texts[name]) for name, test in compiled.tests.items()},
    )


def _state(con: duckdb.DuckDBPyConnection, node: Any) -> Statement:
    if node.resource_type == SEED:
        rows = con.execute(f"describe {node.schema}.{node.alias}").fetchall()
        columns = {str(row[0]): ContractColumn(str(row[1]), False) for row in rows}
        return Statement(node.unique_id, [], node.schema, node.alias, SEED, node.original_file_path, columns)
    columns = {}
    if node.config.contract.enforced:
        for name, column in node.columns.items():
            [(_, kind, *_)] = con.execute(f"describe select null::{column.data_type} as c").fetchall()
            columns[name] = ContractColumn(str(kind), bool(column.constraints))
    return Statement(
        node.unique_id, list(node.depends_on.nodes), node.schema, node.alias, node.config.materialized,
        str(node.compiled_code), columns, _select_meta(node),
    )  # fmt: skip


def _describe_test(node: Any) -> DataTest:
    parents, query = list(node.depends_on.nodes), str(node.compiled_code)
    about = getattr(node, "test_metadata", None)
    # An expression may ask a table for more than the row.
    if (
        about is None
        or about.name not in TESTS_OF_ROWS
        or len(parents) > 1
        or "select" in str(about.kwargs.get("expression", "")).lower()
    ):
        return DataTest(parents, query)
    columns = about.kwargs.get(TESTS_OF_ROWS[about.name], [])
    return DataTest(parents, query, True, (columns,) if isinstance(columns, str) else tuple(columns))


def _select_meta(node: Any) -> dict[str, Any]:
    """Of the model's meta its key and what says how it is derived again; ValueError where that is said wrongly."""
    about = node.config.get("meta") or {}
    meta = {name: about[name] for name in ("key", "rebuild") if name in about}
    read_rebuild_rule(node.unique_id, meta)
    return meta


def _order(statements: Mapping[str, Statement]) -> Iterator[Statement]:
    """Seeds, then models by name, each after its parents."""
    done: set[str] = set()

    def walk(unique_id: str) -> Iterator[Statement]:
        if unique_id in done or unique_id not in statements:
            return
        done.add(unique_id)
        for parent in statements[unique_id].parents:
            yield from walk(parent)
        yield statements[unique_id]

    for unique_id in sorted(statements, key=lambda name: (statements[name].kind != SEED, name)):
        yield from walk(unique_id)


def _refuse_unsupported(node: Any) -> None:
    """DbtError for what only dbt itself would do."""
    config, kind = node.config, node.resource_type
    expected: Mapping[str, object] = {"test": TEST_CONFIGURATION, SEED: SEED_CONFIGURATION}.get(kind, {})
    differing = {k: config.get(k) for k, v in expected.items() if config.get(k) != v}
    differing |= {
        k: value for k in (NOT_OF_TESTS if kind == "test" else NOT_OF_RELATIONS) if (value := config.get(k))
    }
    if kind == "model":
        if config.materialized not in (VIEW, TABLE):
            differing["materialized"] = config.materialized
        of_columns = {str(c.type.value) for column in node.columns.values() for c in column.constraints}
        if node.constraints or of_columns - {"not_null"}:
            differing["constraints"] = sorted(of_columns) or "of the model"
    if differing:
        raise DbtError(f"{node.unique_id}: {differing} is more than pipelines/warehouse/compiled.py runs")


def compile_ahead() -> None:
    """Parse and compile for every data directory to come, as a part of installing."""
    with TemporaryDirectory() as folder:
        settings = replace(Settings.from_env(), data=Path(folder))
        dbt.ensure_manifest(settings)
        read_compiled(settings)
        read_compiled_for_spark(settings)


if __name__ == "__main__":
    compile_ahead()
