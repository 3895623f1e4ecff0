"""Seeds and models as dbt compiled them, each created by one statement here; a contract is kept as dbt keeps it.

A node costs dbt some 70 milliseconds around its query, however few the rows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.rebuild_rule import RebuildRule, read_rebuild_rule

# What dbt's profile calls the warehouse: compiled SQL names each table whole.
DATABASE = "warehouse"
SEED, VIEW, TABLE = "seed", "view", "table"


class ContractColumn(NamedTuple):
    """`type`: as DuckDB itself writes it."""

    type: str
    is_required: bool


class Statement(NamedTuple):
    """One seed or model. `sql`: its rows; of a seed the path of its CSV file under the project.

    `columns`: in order, of a seed and of a model whose contract is enforced; else none. `meta`: the model's own.
    """

    unique_id: str
    parents: Sequence[str]
    schema: str
    name: str
    kind: str
    sql: str
    columns: Mapping[str, ContractColumn]
    meta: Mapping[str, Any] = {}

    @property
    def relation(self) -> str:
        return duck.identifier(self.schema, self.name)

    @property
    def rule(self) -> RebuildRule | None:
        """How it is derived again in part; None: whole."""
        return read_rebuild_rule(f"{self.schema}.{self.name}", self.meta)


class ContractBroken(RuntimeError):
    """A model does not give the columns that its contract promises; the text names them."""


def build_statements(
    con: duckdb.DuckDBPyConnection, statements: Sequence[Statement], project: Path
) -> list[NodeResult]:
    """Every relation anew, parents first; what rests on one that failed is skipped.

    Schemas are emptied before, so that a model that is no longer there leaves no table behind.
    """
    empty_schemas(con, statements)
    unbuilt: set[str] = set()
    results = []
    for statement in statements:
        result = _build(con, statement, project, is_ready=not unbuilt.intersection(statement.parents))
        if result.status != "success":
            unbuilt.add(statement.unique_id)
        results.append(result)
    return results


def empty_schemas(con: duckdb.DuckDBPyConnection, statements: Sequence[Statement]) -> None:
    for schema in sorted({statement.schema for statement in statements}):
        con.execute(f"drop schema if exists {duck.identifier(schema)} cascade")
        con.execute(f"create schema {duck.identifier(schema)}")


def _build(
    con: duckdb.DuckDBPyConnection, statement: Statement, project: Path, *, is_ready: bool
) -> NodeResult:
    if not is_ready:
        return NodeResult(statement.unique_id, "skipped", 0.0, "", 0)
    start = time.monotonic()
    try:
        create_relation(con, statement, project)
    except (duckdb.Error, ContractBroken) as error:
        return NodeResult(statement.unique_id, "error", time.monotonic() - start, str(error), 0)
    return NodeResult(statement.unique_id, "success", time.monotonic() - start, "", 0)


def create_relation(con: duckdb.DuckDBPyConnection, statement: Statement, project: Path) -> None:
    """The view or table of a statement, anew; ContractBroken where its columns are not those of its contract."""
    if statement.kind == SEED:
        _create_table(con, statement)
        path = duck.literal(project / statement.sql)
        con.execute(f"copy {statement.relation} from {path} (format csv, header true, delimiter ',')")
    elif not statement.columns:
        con.execute(f"create or replace {statement.kind} {statement.relation} as {statement.sql}")
    else:
        _check_contract(con, statement)
        import_table(con, statement, f"(\n{statement.sql}\n)")


def import_table(con: duckdb.DuckDBPyConnection, statement: Statement, rows: str) -> None:
    """The table of a contract from `rows`, which may follow FROM; DuckDB refuses a NULL where it allows none."""
    names = ", ".join(map(duck.identifier, statement.columns))
    _create_table(con, statement)
    con.execute(f"insert into {statement.relation} ({names}) select {names} from {rows}")


def _create_table(con: duckdb.DuckDBPyConnection, statement: Statement) -> None:
    columns = ", ".join(
        f"{duck.identifier(name)} {column.type}{' not null' if column.is_required else ''}"
        for name, column in statement.columns.items()
    )
    con.execute(f"create or replace table {statement.relation} ({columns})")


def _check_contract(con: duckdb.DuckDBPyConnection, statement: Statement) -> None:
    described = con.execute(f"describe (\n{statement.sql}\n)").fetchall()
    columns = {str(row[0]): str(row[1]) for row in described}
    promised = {name: column.type for name, column in statement.columns.items()}
    if columns == promised:
        return
    differing = [
        f"{name} is {columns.get(name, 'missing')}, the contract says {promised.get(name, 'nothing of it')}"
        for name in dict.fromkeys([*promised, *columns])
        if columns.get(name) != promised.get(name)
    ]
    raise ContractBroken(f"its columns are not those of its contract: {'; '.join(differing)}")
