"""The exports as `verify` reads them: the files that most readers open are those that were written of a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from pipelines.lake.exported import (
    ExportEntry,
    ExportLedgerBroken,
    find_edited_files,
    list_entries,
    list_newest_entries,
    list_seals,
)
from pipelines.lake.ledger import GENESIS, Release
from pipelines.releases.findings import Finding
from pipelines.settings import Settings


def check_exports(
    con: duckdb.DuckDBPyConnection, settings: Settings, chain: Sequence[Release]
) -> Iterator[Finding]:
    """The ledger of exports holds, and what it wrote last of each place lies there unchanged."""
    try:
        entries = list_entries(settings)
    except ExportLedgerBroken as error:
        yield Finding("edited_export_ledger", f"the ledger of exports cannot be read: {error}")
        return
    yield from _check_chain(entries)
    for release_id, lines, entry_hash in list_seals(con):
        if [entry.entry_hash for entry in entries[lines - 1 : lines]] != [entry_hash]:
            text = f"the ledger of exports has not the line {lines} that release {release_id} sealed"
            yield Finding("edited_export_ledger", text)
    hashes = {release.release_hash for release in chain}
    for entry in list_newest_entries(entries).values():
        origin = f"release {entry.release_id}, by export {entry.export} at {entry.written_at} UTC"
        if entry.release_hash not in hashes:
            text = f"exports/{entry.place} is of a release that the chain does not have: {origin}"
            yield Finding("edited_export_ledger", text)
        for name, what in find_edited_files(settings, entry).items():
            yield Finding(
                "edited_export", f"exports/{name} was {what}: it is not what was written of {origin}"
            )


def _check_chain(entries: Sequence[ExportEntry]) -> Iterator[Finding]:
    previous = GENESIS
    for number, entry in enumerate(entries, start=1):
        if (entry.number, entry.previous_hash) != (
            number,
            previous,
        ) or entry.chain_hash() != entry.entry_hash:
            yield Finding("edited_export_ledger", f"line {number} of the ledger of exports was edited")
            return
        previous = entry.entry_hash
