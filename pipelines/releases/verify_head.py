"""The newest state of the lake, which a reader sees who names no version: is it the newest release, and that alone?

`verify` asks it, and publishing before it builds upon that state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import duckdb

from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake.foreign import list_foreign_things
from pipelines.lake.head import find_differing_tables
from pipelines.lake.ledger import Release
from pipelines.lake.states import (
    OF_THE_LEDGER,
    CatalogueState,
    list_differences,
    read_state,
    show_the_same,
)
from pipelines.releases.findings import Finding, Kind


def check_foreign(con: duckdb.DuckDBPyConnection, chain: Sequence[Release]) -> Iterator[Finding]:
    """What the catalogue holds that no release, hold or pruning put there."""
    for thing in list_foreign_things(con, chain):
        releases = frozenset(r.release_id for r in chain if r.snapshot_id in thing.snapshots)
        yield Finding(cast(Kind, thing.kind), thing.text, releases=releases)


def check_states(
    con: duckdb.DuckDBPyConnection,
    chain: Sequence[Release],
    releases: Iterable[Release],
    *,
    is_clean: bool = True,
) -> Iterator[Finding]:
    """The catalogue's rows, statistics among them, are what they were once each of `releases` was committed.

    By statistics a reader passes files over and counts rows: all files can be whole, and an answer wrong.
    `is_clean`: nothing foreign was written since; that would have changed the statistics too, and is reported.
    """
    states = {s.release_id: s for s in links.list_states(con)}
    for release in releases:
        if state := states.get(release.release_id):
            present = read_state(con, release.snapshot_id)
            yield from compare_state(state, present, is_newest=is_clean and release == chain[-1])


def compare_state(state: links.LakeState, present: CatalogueState, *, is_newest: bool) -> Iterator[Finding]:
    """`present`: what the catalogue says now of the release whose state was recorded."""
    if tables := list_differences(state, present, is_newest=is_newest):
        yield Finding(
            "edited_ledger" if any(table.endswith(OF_THE_LEDGER) for table in tables) else "edited_catalogue",
            f"the catalogue is not what it was when release {state.release_id} was committed: rows of "
            f"{', '.join(tables)} were edited. A reader's answer may go by them though every file is whole",
            releases=frozenset({state.release_id}),
        )


def is_head_of(con: duckdb.DuckDBPyConnection, release: Release) -> bool:
    """Whether the newest state of the lake shows what the release's own snapshot does, by the same rows."""
    head = lake.find_newest_snapshot(con)
    return head == release.snapshot_id or show_the_same(con, head, release.snapshot_id)


def check_head(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release], spoilt: Iterable[str] = ()
) -> Iterator[Finding]:
    """Every table of the newest release, at its own snapshot and at the newest one, all rows hashed.

    `spoilt`: tables whose files were reported already. The connection holds a transaction.
    """
    if not chain:
        return
    newest = chain[-1]
    head = newest.snapshot_id if is_head_of(con, newest) else lake.find_newest_snapshot(con)
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
