"""Heal: a lake that somebody else wrote to says again what follows from the received data, and nothing else.

Every table is published anew from a build of its own; what was written by others leaves the lake, and the
contents of releases that it spoilt are pruned on record. The chain goes on: nothing in it is rewritten.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import inputs, ledger
from pipelines.lake.clean import (
    drop_foreign_file_objects,
    forget_foreign_objects,
    forget_foreign_settings,
)  # fmt: skip
from pipelines.lake.foreign import list_foreign_things
from pipelines.lake.ledger import Release
from pipelines.lake.states import record_state
from pipelines.releases.checkpoints import leave_checkpoint
from pipelines.releases.errors import HealRefused
from pipelines.releases.findings import Finding
from pipelines.releases.publish import Publication, publish
from pipelines.releases.retention import forget_releases
from pipelines.releases.verify_chain import check_chain, check_labels
from pipelines.releases.verify_contents import check_contents, check_files
from pipelines.releases.verify_head import check_foreign, check_head, check_states
from pipelines.releases.verify_landing import check_landing, read_published
from pipelines.settings import Settings


class Healed(NamedTuple):
    """`pruned`: releases whose contents were not what was published, and are gone now."""

    publication: Publication
    pruned: list[int]


def refuse_unsound_ground(settings: Settings) -> None:
    """HealRefused where the ledger, or a batch that counts in the newest release, is not what it was."""
    with lake.open_lake(settings) as con:
        chain = ledger.list_releases(con)
        findings = list(check_chain(con, chain, links.list_events(con)))
        findings += [f for f in check_labels(con, chain, set()) if f.kind == "dropped_release"]
        kept = ledger.list_kept(con, chain)
        findings += [f for f in check_states(con, chain, kept) if f.kind == "edited_ledger"]
        batches = inputs.list_inputs(con, chain[-1].release_id) if chain else []
        current = [batch for batch in batches if batch.standing == "current"]
        findings += check_landing(settings, current, read_published(con) if current else {})
        if settings.lake_servers is not None:
            # In a file of ours such things are dropped; what a database holds is its administrator's.
            strange = [thing.text for thing in list_foreign_things(con, chain) if thing.is_of_database]
            findings += [Finding("foreign_setting", f"{text}: drop it there") for text in strange]
    findings = [f for f in findings if f.kind != "clock_ahead"]
    if findings:
        raise HealRefused(findings)


def publish_healed(settings: Settings, *, run_id: str, author: str, reason: str) -> Healed:
    """The finished warehouse as a release of its own; then everything foreign, and spoilt contents, go."""
    if settings.lake_servers is None:
        drop_foreign_file_objects(settings)
    with lake.open_lake(settings, read_only=False) as con:
        forget_foreign_settings(con)
    publication = publish(settings, run_id=run_id, author=author, reason=reason, healing=True)
    with lake.open_lake(settings, read_only=False) as con:
        forget_foreign_objects(con)
        chain = ledger.list_releases(con)
        kept = ledger.list_kept(con, chain)
        spoilt = _find_spoilt(con, settings, chain, kept)
        gone = [release for release in chain[:-1] if release.release_id in spoilt]
        now = datetime.now(UTC).replace(tzinfo=None)
        forget_releases(con, chain, gone, now, author, f"healed: {reason}")
        record_state(con, chain)
        leave_checkpoint(settings, con)
    return Healed(publication, [release.release_id for release in gone])


def _find_spoilt(
    con: duckdb.DuckDBPyConnection, settings: Settings, chain: list[Release], kept: list[Release]
) -> set[int]:
    """Numbers of the releases whose contents, files, labels or snapshots are not what they were."""
    con.execute("begin")
    try:
        table_files, findings = check_files(con, settings, kept)
        recorded = {e.release_id for e in links.list_events(con) if isinstance(e, links.Prune)}
        lost: list[Finding] = [f for f in check_labels(con, chain, recorded) if f.releases]
        foreign = list(check_foreign(con, chain))
        earlier = [release for release in kept if release != chain[-1]]
        contents = check_contents(con, earlier, table_files, set(), lambda _: None, is_clean=False)
        states = check_states(con, chain, earlier)
        findings += [*lost, *foreign, *contents, *states, *check_head(con, chain)]
    finally:
        con.execute("rollback")
    return {number for finding in findings for number in finding.releases}
