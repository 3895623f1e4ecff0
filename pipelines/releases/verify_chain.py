"""The chain as `verify` reads it: its links, its details, the lake's own labels, a head noted outside."""

from __future__ import annotations

import json
from collections.abc import Iterator

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.ledger import Release
from pipelines.releases.findings import Finding


def check_chain(
    con: duckdb.DuckDBPyConnection, chain: list[Release], events: list[links.Event]
) -> Iterator[Finding]:
    """Every link continues the one before, and the details of each release are as they were sealed."""
    for text in links.find_breaks(chain, events):
        yield Finding(
            "dropped_release" if text.startswith("release") and "missing" in text else "edited_ledger", text
        )
    for table, release_id in ledger.list_strays(con, chain):
        yield Finding(
            "edited_ledger", f"audit.{table} holds rows of a release {release_id} that was never made"
        )
    for release_id in ledger.find_edited_details(con, chain):
        yield Finding(
            "edited_ledger",
            f"the details of release {release_id} were edited: its batches, files, rates or their explanation",
        )


def check_noted_head(
    chain: list[Release], events: list[links.Event], expected_head: str | None
) -> Iterator[Finding]:
    """The head that somebody noted outside is still a link of the chain."""
    chain_links = links.order_links(chain, events)
    if expected_head and expected_head not in map(links.link_hash, chain_links):
        yield Finding(
            "unknown_head",
            f"nothing in the chain has the hash {expected_head[:16]}… that was noted outside: "
            "the ledger was rewritten or cut short",
        )


def check_labels(con: duckdb.DuckDBPyConnection, chain: list[Release], pruned: set[int]) -> Iterator[Finding]:
    """The lake's snapshots and the ledger name the same releases in the same words; `pruned`: on record."""
    by_id = {release.release_id: release for release in chain}
    labels = {}
    for snapshot, label in con.execute(
        f"select snapshot_id, commit_extra_info from ducklake_snapshots('{lake.ALIAS}')"
    ).fetchall():
        labels[snapshot] = label
        content = json.loads(label) if label else {}
        number = int(content.get("release_id", 0))
        if number and number not in by_id:
            yield Finding(
                "dropped_release", f"release {number} was dropped: snapshot {snapshot} still names it"
            )
        # Where the ledger's own row was edited, that is the fault, and it is told already.
        elif number and label != by_id[number].label() and by_id[number].is_intact:
            yield Finding(
                "edited_catalogue",
                f"the catalogue's label of release {number} (snapshot {snapshot}) was edited",
                releases=frozenset({number}),
            )
    for release in chain:
        if release.snapshot_id in labels and labels[release.snapshot_id] is None:
            yield Finding(
                "edited_catalogue",
                f"the catalogue's label of release {release.release_id} was removed",
                releases=frozenset({release.release_id}),
            )
        if release.snapshot_id not in labels and release.release_id not in pruned:
            yield Finding(
                "lost_contents",
                f"the contents of release {release.release_id} are gone and no pruning is on record",
                releases=frozenset({release.release_id}),
            )
