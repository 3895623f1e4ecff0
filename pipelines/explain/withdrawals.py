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


def write_withdrawals(
    con: duckdb.DuckDBPyConnection, previous: Release, release: Release, batches_after: str
) -> str:
    """Temp table `withdrawals`, filled; the cause of what moves by time alone: where a withdrawal took as_of back,
    it is that one.

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
    is_back = release.as_of < previous.as_of and any(cause == WITHDRAWN for *_, cause in changed)
    return WITHDRAWN if is_back else "new_in_period"
