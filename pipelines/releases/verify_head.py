"""The newest state of the lake, which a reader sees who names no version: is it the newest release, and that alone?

`verify` asks it, and publishing before it builds upon that state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake.foreign import list_foreign_things
from pipelines.lake.head import find_differing_tables
from pipelines.lake.ledger import Release
from pipelines.releases.findings import Finding, Kind


def check_foreign(con: duckdb.DuckDBPyConnection, chain: Sequence[Release]) -> Iterator[Finding]:
    """What the catalogue holds that no release, hold or pruning put there."""
    for thing in list_foreign_things(con, chain):
        releases = frozenset(r.release_id for r in chain if r.snapshot_id in thing.snapshots)
        yield Finding(cast(Kind, thing.kind), thing.text, releases=releases)


def check_head(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release], spoilt: Iterable[str] = ()
) -> Iterator[Finding]:
    """Every table of the newest release, at its own snapshot and at the newest one, all rows hashed.

    `spoilt`: tables whose files were reported already. The connection holds a transaction.
    """
    if not chain:
        return
    newest, head = chain[-1], lake.find_newest_snapshot(con)
    for table, snapshot, content, error in find_differing_tables(
        con, newest, {newest.snapshot_id, head}, spoilt
    ):
        published = newest.marts[table].rows
        if error:
            where = "the newest state of the lake" if snapshot != newest.snapshot_id else "its own snapshot"
            text = f"{table} of release {newest.release_id} cannot be read in {where}: {error}"
            yield Finding("unreadable_content", text, table, frozenset({newest.release_id}))
        elif snapshot != newest.snapshot_id:
            assert content is not None
            yield Finding(
                "head_differs",
                f"{table}: the newest state of the lake (snapshot {snapshot}) is not release "
                f"{newest.release_id} (snapshot {newest.snapshot_id}): {content.rows} rows of another "
                f"content, {published} published. Whoever reads without naming a version reads it",
                table,
            )
        else:
            assert content is not None
            yield Finding(
                "edited_catalogue",
                f"{table} of release {newest.release_id} is not what was published though its files are "
                f"whole: the catalogue was edited ({content.rows} rows, {published} published)",
                table,
                frozenset({newest.release_id}),
            )
