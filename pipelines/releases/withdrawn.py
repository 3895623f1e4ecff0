"""The batches that do not count in a release because an operator withdrew them."""

from __future__ import annotations

from typing import Any

import duckdb

from pipelines.lake import inputs, ledger
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release


def list_withdrawn(con: duckdb.DuckDBPyConnection, release: Release) -> list[dict[str, Any]]:
    """Those withdrawn in that release, with who, when and why; oldest order first.

    The newest release's table of orders is read: it only grows, so that a pruned release is answered too.
    """
    standings = {(b.source, b.batch_id): b.standing for b in inputs.list_inputs(con, release.release_id)}
    if "withdrawn" not in standings.values() or not ledger.table_exists(con, "audit", "withdrawals"):
        return []
    content = release.marts.get("audit.withdrawals")
    cursor = con.execute(
        f"from {ALIAS}.audit.withdrawals where event_id <= ? and event = 'withdrawn' order by event_id",
        [content.rows if content else 0],
    )
    names = [column[0] for column in cursor.description or []]
    events = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    newest = {(event["source"], event["batch_id"]): event for event in events}
    return [event for key, event in newest.items() if standings.get(key) == "withdrawn"]
