"""Restore: an old state published as a new release that names what it restores; nothing is rewritten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pipelines import duck
from pipelines.releases import lake, ledger
from pipelines.releases.marts import Mart, read_manifest
from pipelines.releases.publish import Outcome, PublishError, commit
from pipelines.settings import Settings


def restore(settings: Settings, release_id: int, *, run_id: str, author: str, reason: str) -> Outcome:
    """Publish the content of a kept release again. What it was made of (as_of, batches, code) stays its own.

    LookupError where there is no such release; PublishError where its contents were pruned. The next
    nightly run publishes the newest data again: hold the schedule while an old state is to stay.
    """
    with lake.open_lake(settings, read_only=False) as con:
        lake.initialise(con)
        chain = ledger.releases(con)
        wanted = ledger.find(chain, release_id)
        if wanted not in ledger.kept(con, chain):
            raise PublishError(
                f"The contents of release {release_id} were pruned, only its hashes are kept. "
                f"`thongsuot verify --rebuild {release_id}` builds them again from its batches."
            )
        keys = {m.qualified: m.key for m in read_manifest(settings.dbt_target / "manifest.json")}
        sources = {
            Mart(
                schema, name, keys.get(f"{schema}.{name}", ())
            ): f"{duck.identifier(lake.ALIAS, schema, name)} at (version => {wanted.snapshot_id})"
            for schema, name in (held.split(".", 1) for held in sorted(wanted.marts))
        }
        draft = replace(
            wanted,
            release_id=0,
            snapshot_id=0,
            published_at=datetime.now(UTC).replace(tzinfo=None),
            run_id=run_id,
            author=author,
            reason=reason,
            restores=release_id,
        )
        return commit(con, settings, draft, sources)
