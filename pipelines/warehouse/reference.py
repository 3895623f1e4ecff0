"""Reference batches → typed tables of schema `raw`; a table that the place does not have is empty."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines import duck
from pipelines.landing.batches import Batch
from pipelines.landing.reference import PREFIX
from pipelines.sources.contracts.contract import Contracts


class WrongReference(ValueError):
    """A reference table was never landed, or landed by an older contract."""


def write_reference_tables(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, newest: Mapping[str, Batch]
) -> None:
    """`newest`: reference table → its newest batch. WrongReference names the table."""
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
        typed = ", ".join(
            f"cast({duck.identifier(c)} as {t}) as {duck.identifier(c)}" for c, t in columns.items()
        )
        try:
            con.execute(
                f"create or replace table {relation} as select {typed} "
                f"from read_parquet({duck.literal(batch.path)}) order by _row"
            )
        except (duckdb.ConversionException, duckdb.BinderException) as error:
            raise WrongReference(
                f"reference {name}, batch {batch.batch_id}: {str(error).splitlines()[0]} "
                f"Materialize landing/reference, or run again."
            ) from None
