"""Why items of a source that is read as whole snapshots came, went or moved.

The newest snapshot speaks, so the cause is the snapshot's: a later day, a day pulled again, other verdicts
on its rows, or time alone, which makes an open task overdue.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.lake.ledger import Release
from pipelines.sql import read_sql


def explain_snapshots(
    con: duckdb.DuckDBPyConnection,
    source: str,
    previous: Release,
    release: Release,
    before: Mapping[str, str],
    after: Mapping[str, str],
    of_time: str,
) -> None:
    """Into `changed_items`: every item of the source whose unit or numerator differs, with its cause.

    `of_time`: that of what moved by time alone.
    """
    query = read_sql(
        "pipelines.explain",
        "snapshot_items",
        batches_before=before["audit.batches"],
        batches_after=after["audit.batches"],
        rejections_before=before["audit.rejections"],
        rejections_after=after["audit.rejections"],
    )
    con.execute(
        query,
        {
            "source": source,
            "is_restored": bool(release.restores),
            "previous_day": previous.as_of.date(),
            "has_time_passed": previous.as_of != release.as_of,
            "of_time": of_time,
            "other": "unexplained" if previous.same_code(release) else "code_or_reference",
        },
    )
