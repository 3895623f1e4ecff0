"""The exports as `verify` reads them: the files that most readers open are those that were written of a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import list_snapshots
from pipelines.lake.content_hash import Content, hash_content
from pipelines.lake.exported import (
    ExportEntry,
    ExportLedgerBroken,
    find_edited_files,
    list_entries,
    list_newest_entries,
    list_seals,
    list_unrecorded_files,
)
from pipelines.lake.head import table_at
from pipelines.lake.ledger import GENESIS, TABLES, Release
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
    seals = list_seals(con)
    yield from _check_unsealed(entries, seals, chain)
    for release_id, lines, entry_hash in seals:
        if [entry.entry_hash for entry in entries[lines - 1 : lines]] != [entry_hash]:
            text = f"the ledger of exports has not the line {lines} that release {release_id} sealed"
            yield Finding("edited_export_ledger", text)
    by_hash = {release.release_hash: release for release in chain}
    for entry in list_newest_entries(entries).values():
        origin = f"release {entry.release_id}, by export {entry.export} at {entry.written_at} UTC"
        release = by_hash.get(entry.release_hash)
        if release is None or release.release_id != entry.release_id:
            text = f"exports/{entry.place} is of a release that the chain does not have: {origin}"
            yield Finding("edited_export_ledger", text)
        edited = find_edited_files(settings, entry)
        for name, what in edited.items():
            yield Finding(
                "edited_export", f"exports/{name} was {what}: it is not what was written of {origin}"
            )
        if release is not None and not edited:
            yield from _check_databases(con, settings, entry, release)
    for name, what in list_unrecorded_files(settings, entries).items():
        yield Finding("foreign_export", f"exports/{name} {what}")


def _check_unsealed(
    entries: Sequence[ExportEntry], seals: Sequence[tuple[int, int, str]], chain: Sequence[Release]
) -> Iterator[Finding]:
    """What was written after a release is of that release: an older one's place cannot be recorded anew."""
    if not chain:
        return
    newest = chain[-1].release_id
    sealed = max((lines for release_id, lines, _ in seals if release_id == newest), default=0)
    for entry in entries[sealed:]:
        if entry.release_id != newest:
            yield Finding(
                "edited_export_ledger",
                f"line {entry.number} of the ledger of exports was added after release {newest}, and says that it is "
                f"of release {entry.release_id}: no export writes an older one",
            )


def _check_databases(
    lake: duckdb.DuckDBPyConnection, settings: Settings, entry: ExportEntry, release: Release
) -> Iterator[Finding]:
    """What a DuckDB file says is what the release says, row by row: no line of a ledger is believed for it.

    The ledger's tables are as the lake shows them at the release, as long as it is kept there.
    """
    expected: dict[str, Content | None] = {**release.marts}
    if release.snapshot_id in list_snapshots(lake):
        expected |= _hash_ledger(lake, release)
    for name in entry.files:
        path = settings.exports / name
        if path.suffix != ".duckdb" or not path.exists():
            continue
        with duck.connect(settings.extensions, path, read_only=True) as con:
            if strange := _list_strange_things(con, release):
                yield Finding(
                    "edited_export", f"exports/{name} holds what no release does: {', '.join(strange)}"
                )
            for table, content in sorted(expected.items()):
                schema, short = table.split(".", 1)
                # The file is itself the catalogue `marts`.
                relation = duck.identifier("main" if schema == "marts" else schema, short)
                try:
                    is_same = hash_content(con, relation) == content
                except duckdb.CatalogException:
                    is_same = content is None
                except duckdb.Error:
                    is_same = False
                if not is_same:
                    yield Finding(
                        "edited_export",
                        f"exports/{name}: {table} is not what release {release.release_id} says",
                    )


def _hash_ledger(lake: duckdb.DuckDBPyConnection, release: Release) -> dict[str, Content | None]:
    """`audit.table` → its content as the lake shows it at the release; None where it was not there yet."""
    contents: dict[str, Content | None] = {}
    for name in (f"audit.{table}" for table in TABLES):
        try:
            contents[name] = hash_content(lake, table_at(name, release.snapshot_id))
        except duckdb.CatalogException:
            contents[name] = None
    return contents


def _list_strange_things(con: duckdb.DuckDBPyConnection, release: Release) -> list[str]:
    """Views, macros and tables that an export does not write: a reader takes them for published ones."""
    things = con.execute(
        "select 'view ' || view_name from duckdb_views() where not internal union all "
        "select distinct function_type || ' ' || function_name from duckdb_functions() where not internal "
        "order by all"
    ).fetchall()
    tables = con.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
    own = {*release.marts, *(f"audit.{table}" for table in TABLES)}
    names = [f"{'marts' if schema == 'main' else schema}.{table}" for schema, table in tables]
    return [*(thing for (thing,) in things), *sorted(f"table {name}" for name in names if name not in own)]


def _check_chain(entries: Sequence[ExportEntry]) -> Iterator[Finding]:
    previous, releases = GENESIS, dict[str, int]()
    for number, entry in enumerate(entries, start=1):
        if (entry.number, entry.previous_hash) != (
            number,
            previous,
        ) or entry.chain_hash() != entry.entry_hash:
            yield Finding("edited_export_ledger", f"line {number} of the ledger of exports was edited")
            return
        if entry.release_id < releases.get(entry.place, 0):
            yield Finding(
                "edited_export_ledger",
                f"line {number} of the ledger of exports has {entry.place} go back from release "
                f"{releases[entry.place]} to {entry.release_id}: no export does that",
            )
        previous, releases[entry.place] = entry.entry_hash, entry.release_id
