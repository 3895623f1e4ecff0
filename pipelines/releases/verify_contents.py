"""The lake's files and what they hold, as `verify` reads them: byte by byte, then row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.lake import catalogue as lake
from pipelines.lake import files
from pipelines.lake.content_hash import (
    LANES,
    Content,
    describe_columns,
    lanes_sql,
    row_hash_sql,
    seal_content,
    sum_lanes,
)
from pipelines.lake.ledger import Release
from pipelines.landing.batches import hash_file
from pipelines.releases.findings import Finding, first_line
from pipelines.settings import Settings

# (release, table) → the files that the catalogue names for it.
TableFiles = dict[tuple[int, str], frozenset[str]]


def check_files(
    con: duckdb.DuckDBPyConnection, settings: Settings, kept: list[Release]
) -> tuple[TableFiles, list[Finding]]:
    """Every file the catalogue names for a kept release is there, byte by byte as it was written.

    Returns (release, table) → its files as well, those that strike rows out among them.
    """
    table_files: TableFiles = {}
    for release in kept:
        for mart in release.marts:
            table_files[release.release_id, mart] = files.list_table_files(con, mart, release.snapshot_id)
    recorded, root = files.read_recorded(con), files.files_root(settings)
    findings = []
    tables: dict[Path, tuple[str, set[int]]] = {}
    for (release_id, mart), paths in table_files.items():
        for file in paths:
            tables.setdefault(Path(file), (mart, set()))[1].add(release_id)
    for path, (table, release_ids) in sorted(tables.items()):
        releases = frozenset(release_ids)
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        if not path.exists():
            findings.append(Finding("missing_file", f"the lake's file '{name}' is missing", table, releases))
        elif name not in recorded:
            text = f"the catalogue names the file '{name}', which no release wrote"
            findings.append(Finding("edited_catalogue", text, table, releases))
        elif hash_file(path) != recorded[name][2]:
            findings.append(
                Finding(
                    "edited_file",
                    f"the lake's file '{name}', written by release {recorded[name][0]}, was edited: "
                    "its SHA-256 is another one",
                    table,
                    releases,
                )
            )
    return table_files, findings


def check_contents(
    con: duckdb.DuckDBPyConnection,
    earlier: list[Release],
    table_files: TableFiles,
    spoilt: set[str],
    progress: Callable[[str], None],
    *,
    is_clean: bool,
) -> Iterator[Finding]:
    """Each table of the kept releases before the newest, read through time travel, hashes to what the ledger holds.

    A row's hash is computed once per file that holds it: files never change, releases only choose. A
    table that is the same files and the same hash as in the release before is not read again, as long as
    nothing foreign is in the catalogue (`is_clean`). The newest release is read by `check_head`.
    """
    lanes = ", ".join(f"{lane} ubigint" for lane in LANES)
    con.execute(
        f"create or replace temp table row_hashes (filename varchar, file_row_number bigint, {lanes})"
    )
    for mart in sorted({name for release in earlier for name in release.marts}):
        if mart in spoilt:
            continue  # told already, by the name of its file
        progress(mart)
        con.execute("delete from row_hashes")
        hashed: set[str] = set()
        unchanged = None
        for release in earlier:
            if mart not in release.marts:
                continue
            state = table_files[release.release_id, mart], release.marts[mart]
            if is_clean and unchanged == state:
                continue
            unchanged = state
            try:
                content = _hash_at(con, release, mart, hashed)
            except duckdb.Error as error:
                text = f"{mart} of release {release.release_id} cannot be read: {first_line(error)}"
                yield Finding("unreadable_content", text, mart, frozenset({release.release_id}))
                con.execute("rollback")
                con.execute("begin")
                continue
            if content != release.marts[mart]:
                yield Finding(
                    "edited_catalogue",
                    f"{mart} of release {release.release_id} is not what was published though its files "
                    f"are whole: the catalogue was edited ({content.rows} rows, {release.marts[mart].rows} "
                    "published)",
                    mart,
                    frozenset({release.release_id}),
                )


def _hash_at(con: duckdb.DuckDBPyConnection, release: Release, mart: str, hashed: set[str]) -> Content:
    """`hashed`: files whose rows are in `row_hashes` already; more are added."""
    table = f"{duck.identifier(lake.ALIAS, *mart.split('.'))} at (version => {release.snapshot_id})"
    described = describe_columns(con, table)
    names = {name for (name,) in con.execute(f"select distinct filename from {table}").fetchall()}
    if fresh := sorted(names - hashed):
        con.execute(
            f"insert into row_hashes select filename, file_row_number, {lanes_sql()} from (select filename, "
            f"file_row_number, {row_hash_sql(described)} as h from {table} where filename in (select unnest(?)))",
            [fresh],
        )
        hashed.update(fresh)
    chosen = f"(select filename, file_row_number from {table})"
    # As numbers: to read them out of the digits costs more than all the rest, and rows stay for many releases.
    lanes = f"select r.* from row_hashes as r join {chosen} using (filename, file_row_number)"
    return seal_content(described, *sum_lanes(con, lanes))
