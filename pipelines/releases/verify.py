"""Verify: every release still says what it said, byte by byte and row by row; each fault by its own name.

Read-only. What cannot be seen from inside, a ledger rewritten from some release on with all its
hashes, is seen by whoever noted a chain head outside: `verify` prints it and takes it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.landing.batches import file_sha256
from pipelines.releases import files, inputs, lake, ledger
from pipelines.releases.ledger import Release
from pipelines.releases.marts import columns, digest, row_hash
from pipelines.settings import Settings


class Finding(NamedTuple):
    """`kind` for programs, `text` for people."""

    kind: str
    text: str


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found wrong; `head` is the newest release's hash."""

    head: str
    releases: int
    kept: int
    files: int
    batches: int
    findings: list[Finding]


def verify(
    settings: Settings, *, expected_head: str | None = None, progress: Callable[[str], None] = lambda _: None
) -> Verification:
    """Check ledger, catalogue, files, contents and landing; FileNotFoundError where there is no lake."""
    with lake.open_lake(settings) as con:
        try:
            chain = ledger.releases(con)
            found = [*_chain(con, chain, expected_head)]
        except duckdb.Error as error:
            text = f"the ledger cannot be read: {first_line(error)}"
            return Verification("", 0, 0, 0, 0, [Finding("ledger_unreadable", text)])
        held = ledger.kept(con, chain)
        found += _labels(con, chain)
        progress("files")
        looked_at, faults = _files(con, settings, held)
        found += faults
        spoilt = {fault.text.split("'")[1].split("/ducklake-")[0] for fault in faults}
        found += _contents(con, held, spoilt, progress)
        progress("landing")
        batches = inputs.known(con, chain[-1].release_id) if chain else []
        found += _landing(settings, batches)
    head = chain[-1].release_hash if chain else ""
    return Verification(head, len(chain), len(held), looked_at, len(batches), found)


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _chain(
    con: duckdb.DuckDBPyConnection, chain: list[Release], expected_head: str | None
) -> Iterator[Finding]:
    for text in ledger.broken_links(chain):
        yield Finding("dropped_release" if "missing" in text else "edited_ledger", text)
    for release in chain:
        if ledger.details_sha256(con, release.release_id) != release.details_sha256:
            yield Finding(
                "edited_ledger",
                f"the details of release {release.release_id} were edited: its batches, files, rates or "
                "their explanation",
            )
    if expected_head and expected_head not in {release.release_hash for release in chain}:
        yield Finding(
            "unknown_head",
            f"no release has the hash {expected_head[:16]}… that was noted outside: "
            "the ledger was rewritten or cut short",
        )


def _labels(con: duckdb.DuckDBPyConnection, chain: list[Release]) -> Iterator[Finding]:
    """The lake's snapshots and the ledger name the same releases in the same words."""
    by_id = {release.release_id: release for release in chain}
    held = {}
    for snapshot, label in con.execute(
        f"select snapshot_id, commit_extra_info from ducklake_snapshots('{lake.ALIAS}')"
    ).fetchall():
        held[snapshot] = label
        said = json.loads(label) if label else {}
        number = int(said.get("release_id", 0))
        if number and number not in by_id:
            yield Finding(
                "dropped_release", f"release {number} was dropped: snapshot {snapshot} still names it"
            )
        elif number and label != by_id[number].label():
            yield Finding(
                "edited_catalogue",
                f"the catalogue's label of release {number} (snapshot {snapshot}) was edited",
            )
    pruned = {
        n for (n,) in con.execute(f"select release_id from {lake.ALIAS}.audit.release_prunes").fetchall()
    }
    for release in chain:
        if release.snapshot_id in held and held[release.snapshot_id] is None:
            yield Finding(
                "edited_catalogue", f"the catalogue's label of release {release.release_id} was removed"
            )
        if release.snapshot_id not in held and release.release_id not in pruned:
            yield Finding(
                "lost_contents",
                f"the contents of release {release.release_id} are gone and no pruning is on record",
            )


def _files(
    con: duckdb.DuckDBPyConnection, settings: Settings, held: list[Release]
) -> tuple[int, list[Finding]]:
    """Every file the catalogue names for a kept release is there, byte by byte as it was written."""
    named: dict[Path, str] = {}
    for release in held:
        for mart in release.marts:
            schema, table = mart.split(".")
            rows = con.execute(
                f"select data_file, delete_file from ducklake_list_files('{lake.ALIAS}', ?, schema => ?, "
                "snapshot_version => ?)",
                [table, schema, release.snapshot_id],
            ).fetchall()
            named.update((Path(path), mart) for row in rows for path in row if path)
    recorded = files.recorded(con)
    found = []
    for path in sorted(named):
        name = (
            path.relative_to(files.root(settings)).as_posix()
            if path.is_relative_to(files.root(settings))
            else str(path)
        )
        if not path.exists():
            found.append(Finding("missing_file", f"the lake's file '{name}' is missing"))
        elif name not in recorded:
            found.append(
                Finding("edited_catalogue", f"the catalogue names the file '{name}', which no release wrote")
            )
        elif file_sha256(path) != recorded[name][2]:
            found.append(
                Finding(
                    "edited_file",
                    f"the lake's file '{name}', written by release {recorded[name][0]}, was edited: "
                    "its SHA-256 is another one",
                )
            )
    return len(named), found


def _contents(
    con: duckdb.DuckDBPyConnection, held: list[Release], spoilt: set[str], progress: Callable[[str], None]
) -> Iterator[Finding]:
    """Each table of each kept release, read through time travel, hashes to what the ledger holds.

    A row's hash is computed once per file that holds it: files never change, releases only choose.
    """
    con.execute(
        "create or replace temp table row_hashes (filename varchar, file_row_number bigint, h varchar)"
    )
    hashed: set[str] = set()
    for mart in sorted({name for release in held for name in release.marts}):
        if mart.replace(".", "/") in spoilt:
            continue  # told already, by the name of its file
        progress(mart)
        con.execute("delete from row_hashes")
        for release in held:
            if mart not in release.marts:
                continue
            table = f"{duck.identifier(lake.ALIAS, *mart.split('.'))} at (version => {release.snapshot_id})"
            try:
                described = columns(con, table)
                fresh = [
                    name
                    for (name,) in con.execute(f"select distinct filename from {table}").fetchall()
                    if name not in hashed
                ]
                if fresh:
                    con.execute(
                        f"insert into row_hashes select filename, file_row_number, {row_hash(described)} "
                        f"from {table} where filename in (select unnest(?))",
                        [fresh],
                    )
                    hashed.update(fresh)
                got = digest(
                    con,
                    described,
                    "select r.h from row_hashes as r "
                    f"join (select filename, file_row_number from {table}) using (filename, file_row_number)",
                )
            except duckdb.Error as error:
                yield Finding(
                    "unreadable_content",
                    f"{mart} of release {release.release_id} cannot be read: {first_line(error)}",
                )
                continue
            if got != release.marts[mart]:
                yield Finding(
                    "edited_catalogue",
                    f"{mart} of release {release.release_id} is not what was published though its files "
                    f"are whole: the catalogue was edited ({got.rows} rows, {release.marts[mart].rows} "
                    "published)",
                )


def _landing(settings: Settings, batches: list[inputs.Batch]) -> Iterator[Finding]:
    """Every batch that a release was made of still has the bytes it landed with."""
    for batch in batches:
        path = settings.landing / batch.source / batch.partition / f"{batch.batch_id}.parquet"
        name = f"{batch.source} {batch.partition}, batch {batch.batch_id}"
        if not path.exists():
            yield Finding("missing_batch", f"landing: {name} is missing")
        elif file_sha256(path) != batch.sha256:
            yield Finding("edited_batch", f"landing: the bytes of {name} no longer match its SHA-256")
