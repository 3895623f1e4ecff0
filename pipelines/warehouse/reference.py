"""Reference batches → typed tables of schema `raw`; a value of the wrong type stops the build."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines import duck
from pipelines.landing.batches import LandedBatch
from pipelines.landing.reference import PREFIX
from pipelines.quality.split import landed_columns, landed_sql, place
from pipelines.quality.typing import typing_sql
from pipelines.sources.contract import Contracts, ReferenceTable


class WrongReference(ValueError):
    """A reference file holds a value that its column in sources.yaml does not take."""


def reference_tables(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, newest: Mapping[str, LandedBatch]
) -> None:
    """`newest`: reference table → its newest batch; a table that the place does not have is empty.

    WrongReference names table, column, row and value.
    """
    for name, columns in contracts.reference_columns().items():
        relation = duck.identifier("raw", name)
        if name not in contracts.reference:
            typed = ", ".join(f"null::{t} as {duck.identifier(c)}" for c, t in columns.items())
            con.execute(f"create or replace table {relation} as select {typed} where false")
            continue
        batch = newest.get(PREFIX + name)
        if batch is None:
            raise WrongReference(
                f"reference {name} was never landed. Materialize landing/reference, or run again."
            )
        _typed_table(con, relation, contracts.reference[name], list(columns), batch)


def _typed_table(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    table: ReferenceTable,
    columns: list[str],
    batch: LandedBatch,
) -> None:
    source, placed = table.as_source(), place([batch])
    typing = typing_sql(source, f"({landed_sql(placed)})", landed_columns(placed))
    con.execute(f"create or replace temp table typed_reference as {typing}")
    checks = {c.name: f"{c.name}__raw" for c in source.columns if c.type != "text" or c.meanings}
    for name, raw in checks.items():
        row = con.execute(
            f"select _row, {duck.identifier(raw)} from typed_reference "
            f"where {duck.identifier(raw)} is not null order by _row limit 1"
        ).fetchone()
        if row:
            raise WrongReference(
                f"reference {table.name}, batch {batch.batch_id}, row {row[0]}: {name} cannot be {row[1]!r}. "
                f"Correct the file ({batch.origin.split()[0]}) or `reference.{table.name}` in sources.yaml, "
                f"then run again."
            )
    for column in source.columns:
        if column.required:
            row = con.execute(
                f"select _row from typed_reference where {duck.identifier(column.name)} is null limit 1"
            ).fetchone()
            if row:
                raise WrongReference(
                    f"reference {table.name}, batch {batch.batch_id}, row {row[0]}: {column.name} is empty. "
                    f"Correct the file ({batch.origin.split()[0]}), then run again."
                )
    chosen = ", ".join(duck.identifier(c) for c in columns)
    con.execute(f"create or replace table {relation} as select {chosen} from typed_reference order by _row")
    con.execute("drop table typed_reference")
