"""Which batches a release was made of, kept as changes of standing, so that pruning loses none of it.

`current` counts in the release, `superseded` was pulled again since, `blocked` broke its source's
threshold, `withdrawn` was taken out by an operator, `absent` is no longer listed (a replaced reference file).
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from pipelines.lake.catalogue import ALIAS
from pipelines.sql import read_sql


class ReleasedBatch(NamedTuple):
    """A landed batch as a release knew it."""

    source: str
    partition: str
    batch_id: str
    sha256: str
    standing: str


def list_inputs(con: duckdb.DuckDBPyConnection, release_id: int) -> list[ReleasedBatch]:
    """Every batch known to a release, whether it counted or not; oldest first within a source."""
    rows = con.execute(
        f"""
        select source, partition_key::varchar, batch_id, sha256, standing
        from {ALIAS}.audit.release_batches where release_id <= ?
        qualify row_number() over (partition by source, batch_id order by release_id desc) = 1
        order by source, batch_id
        """,
        [release_id],
    ).fetchall()
    return [ReleasedBatch(*row) for row in rows if row[4] != "absent"]


def record_inputs(con: duckdb.DuckDBPyConnection, release_id: int, batches: str) -> None:
    """Note what changed since the release before. `batches`: the relation of `audit.batches`."""
    query = read_sql(
        "pipelines.lake", "record_inputs", lake=ALIAS, release_id=int(release_id), batches=batches,
        standing=standing_sql(con, batches),
    )  # fmt: skip
    con.execute(query)


def standing_sql(con: duckdb.DuckDBPyConnection, batches: str) -> str:
    """The standing of a row of `batches`; releases of older code have no such column."""
    columns = {row[0] for row in con.execute(f"describe from {batches}").fetchall()}
    if "standing" in columns:
        return "standing"
    return "case when is_current then 'current' when is_accepted then 'superseded' else 'blocked' end"
