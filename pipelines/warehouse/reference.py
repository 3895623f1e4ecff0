"""Reference batches → typed tables of schema `raw`; a value of the wrong type stops the build."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines import duck
from pipelines.landing.batches import LandedBatch
from pipelines.landing.reference import PREFIX
from pipelines.sources.contract import Contracts


class WrongReference(ValueError):
    """A reference file holds a value of another type than sources.yaml declares."""


def reference_tables(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, newest: Mapping[str, LandedBatch]
) -> None:
    """`newest`: reference table → its newest batch. WrongReference names table, column and value."""
    for name, table in contracts.reference.items():
        batch = newest.get(PREFIX + name)
        if batch is None:
            raise WrongReference(
                f"reference {name} was never landed. Materialize landing/reference, or run again."
            )
        typed = ", ".join(
            f"cast({duck.identifier(c)} as {t}) as {duck.identifier(c)}" for c, t in table.columns.items()
        )
        try:
            con.execute(
                f"create or replace table {duck.identifier('raw', name)} as select {typed} "
                f"from read_parquet({duck.literal(batch.path)}) order by _row"
            )
        except duckdb.ConversionException as error:
            raise WrongReference(
                f"reference {name}, batch {batch.batch_id}: {str(error).splitlines()[0]} "
                f"Correct the file ({batch.origin.split()[0]}), then run again."
            ) from None
