"""Which batches were withdrawn, or came back, between two releases: a cause of its own."""

from __future__ import annotations

import duckdb

from pipelines.lake import inputs
from pipelines.lake.ledger import Release

WITHDRAWN, RESTORED = "batch_withdrawn", "batch_restored"


def create_withdrawals(con: duckdb.DuckDBPyConnection) -> None:
    """Temp table `withdrawals`, empty; source, day, batch, cause."""
    con.execute(
        "create or replace temp table withdrawals "
        "(source varchar, partition_key date, batch_id varchar, cause varchar)"
    )


def write_withdrawals(con: duckdb.DuckDBPyConnection, previous: Release, batches_after: str) -> None:
    """Temp table `withdrawals`, filled.

    `batch_withdrawn`: counted before and is withdrawn now; `batch_restored`: was withdrawn and counts now.
    `batches_after`: the relation of audit.batches of the release being made.
    """
    create_withdrawals(con)
    before = {(b.source, b.batch_id): b.standing for b in inputs.list_inputs(con, previous.release_id)}
    rows = con.execute(
        f"select source, partition_key, batch_id, {inputs.standing_sql(con, batches_after)} from {batches_after}"
    ).fetchall()
    causes = {("current", "withdrawn"): WITHDRAWN, ("withdrawn", "current"): RESTORED}
    changed = [
        [source, day, batch, cause]
        for source, day, batch, standing in rows
        if (cause := causes.get((before.get((source, batch), "absent"), standing)))
    ]
    if changed:
        con.executemany("insert into withdrawals values (?, ?, ?, ?)", changed)
