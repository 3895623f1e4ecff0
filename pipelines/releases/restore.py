"""Restore: an old state published as a new release that names what it restores; nothing is rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import duckdb

from pipelines import duck
from pipelines.lake import catalogue as lake
from pipelines.lake import ledger
from pipelines.lake.manifest import Mart, read_marts
from pipelines.lake.states import record_state
from pipelines.releases.checkpoints import check_signing_key, leave_checkpoint
from pipelines.releases.publish import Publication, PublishError, commit
from pipelines.settings import Settings


def restore(settings: Settings, release_id: int, *, run_id: str, author: str, reason: str) -> Publication:
    """Publish the content of a kept release again. What it was made of (as_of, batches, code) stays its own.

    LookupError where there is no such release; PublishError where its contents were pruned. The next
    nightly run publishes the newest data again: hold the schedule while an old state is to stay.
    """
    check_signing_key(settings)
    with lake.open_lake(settings, read_only=False) as con:
        lake.initialise_lake(con)
        chain = ledger.list_releases(con)
        original = ledger.find_release(chain, release_id)
        if original not in ledger.list_kept(con, chain):
            raise PublishError(
                f"The contents of release {release_id} were pruned, only its hashes are kept: it cannot be "
                f"published again. `thongsuot releases` marks with ✓ those that can; "
                f"`thongsuot verify --rebuild {release_id}` proves what it said, from its batches."
            )
        keys = {m.qualified: m.key for m in read_marts(settings.dbt_target / "manifest.json")}
        sources = {}
        for qualified in sorted(original.marts):
            schema, name = qualified.split(".", 1)
            sources[Mart(schema, name, keys.get(qualified, ()))] = _set_aside(
                con, schema, name, original.snapshot_id
            )
        draft = replace(
            original,
            release_id=0,
            snapshot_id=0,
            published_at=datetime.now(UTC).replace(tzinfo=None),
            run_id=run_id,
            author=author,
            reason=reason,
            restores=release_id,
        )
        publication = commit(con, settings, draft, sources)
        record_state(con, ledger.list_releases(con))
        leave_checkpoint(settings, con)
        return publication


def _set_aside(con: duckdb.DuckDBPyConnection, schema: str, name: str, snapshot_id: int) -> str:
    """A table as of a snapshot, copied out of the lake: time travel inside the transaction that writes the
    table would also show the rows just written."""
    copied = lake.scratch_table(f"restored_{schema}_{name}")
    con.execute(
        f"create table {copied} as from {duck.identifier(lake.ALIAS, schema, name)} "
        f"at (version => {snapshot_id:d})"
    )
    return copied
