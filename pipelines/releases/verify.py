"""Verify: every release still says what it said, byte by byte and row by row; each fault by its own name.

Read-only. What cannot be seen from inside, a ledger rewritten from some release on with all its
hashes, is seen by whoever noted a chain head outside: `verify` prints it and takes it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from pipelines import duck
from pipelines.lake import catalogue as lake
from pipelines.lake import chain as links
from pipelines.lake import files, inputs, ledger
from pipelines.lake.content_hash import Content, describe_columns, row_hash_sql, seal_content, sum_hashes
from pipelines.lake.ledger import Release
from pipelines.landing.batches import hash_file, read_sidecar
from pipelines.settings import Settings

# What docs/audit.md explains one by one; the last three are `--rebuild`'s.
Kind = Literal[
    "edited_file", "missing_file", "edited_catalogue", "unreadable_content", "edited_ledger",
    "ledger_unreadable", "dropped_release", "lost_contents", "edited_batch", "missing_batch",
    "edited_sidecar", "unknown_head", "not_reproduced", "not_rebuilt", "other_code",
]  # fmt: skip


class Finding(NamedTuple):
    """`kind` for programs, `text` for people; `table`: the one a file belongs to."""

    kind: Kind
    text: str
    table: str = ""


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found wrong; `head`: the hash of the chain's newest link.

    `since`: the links made after the head that was noted outside, in words.
    """

    head: str
    since: list[str]
    releases: int
    kept: int
    pruned: int
    files: int
    batches: int
    findings: list[Finding]


def verify(
    settings: Settings, *, expected_head: str | None = None, progress: Callable[[str], None] = lambda _: None
) -> Verification:
    """Check ledger, catalogue, files, contents and landing; FileNotFoundError where there is no lake."""
    with lake.open_lake(settings) as con:
        con.execute("begin")  # one state of the lake, and its catalogue read once
        try:
            chain, pruned = ledger.list_releases(con), links.list_prunes(con)
            found = [*_chain(con, chain, pruned), *_noted(chain, pruned, expected_head)]
        except duckdb.Error as error:
            text = f"the ledger cannot be read: {first_line(error)}"
            return Verification("", [], 0, 0, 0, 0, 0, [Finding("ledger_unreadable", text)])
        held = ledger.list_kept(con, chain)
        found += _labels(con, chain, {prune.release_id for prune in pruned})
        progress("files")
        named, faults = _files(con, settings, held)
        found += faults
        spoilt = {fault.table for fault in faults}
        found += _contents(con, held, named, spoilt, progress)
        progress("landing")
        batches = inputs.list_inputs(con, chain[-1].release_id) if chain else []
        told = _published(con) if batches and "audit.batches" not in spoilt else {}
        found += _landing(settings, batches, told)
    made = links.order_links(chain, pruned)
    return Verification(
        head=links.find_head(chain, pruned) if made else "",
        since=_since(made, expected_head),
        releases=len(chain),
        kept=len(held),
        pruned=len(pruned),
        files=len({path for paths in named.values() for path in paths}),
        batches=len(batches),
        findings=found,
    )


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _since(made: list[links.Link], expected_head: str | None) -> list[str]:
    hashes = [links.link_hash(link) for link in made]
    return (
        [links.describe_link(link) for link in made[hashes.index(expected_head) + 1 :]]
        if expected_head in hashes
        else []
    )


def _chain(
    con: duckdb.DuckDBPyConnection, chain: list[Release], pruned: list[links.Prune]
) -> Iterator[Finding]:
    for text in links.find_breaks(chain, pruned):
        yield Finding(
            "dropped_release" if text.startswith("release") and "missing" in text else "edited_ledger", text
        )
    for release in chain:
        if ledger.hash_details(con, release.release_id) != release.details_sha256:
            yield Finding(
                "edited_ledger",
                f"the details of release {release.release_id} were edited: its batches, files, rates or "
                "their explanation",
            )


def _noted(chain: list[Release], pruned: list[links.Prune], expected_head: str | None) -> Iterator[Finding]:
    made = links.order_links(chain, pruned)
    if expected_head and expected_head not in map(links.link_hash, made):
        yield Finding(
            "unknown_head",
            f"nothing in the chain has the hash {expected_head[:16]}… that was noted outside: "
            "the ledger was rewritten or cut short",
        )


def _labels(con: duckdb.DuckDBPyConnection, chain: list[Release], pruned: set[int]) -> Iterator[Finding]:
    """The lake's snapshots and the ledger name the same releases in the same words; `pruned`: on record."""
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
        # Where the ledger's own row was edited, that is the fault, and it is told already.
        elif number and label != by_id[number].label() and by_id[number].holds:
            yield Finding(
                "edited_catalogue",
                f"the catalogue's label of release {number} (snapshot {snapshot}) was edited",
            )
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
) -> tuple[dict[tuple[int, str], frozenset[str]], list[Finding]]:
    """Every file the catalogue names for a kept release is there, byte by byte as it was written.

    Returns (release, table) → its files as well, those that strike rows out among them.
    """
    named: dict[tuple[int, str], frozenset[str]] = {}
    for release in held:
        for mart in release.marts:
            named[release.release_id, mart] = files.list_table_files(con, mart, release.snapshot_id)
    recorded, root, found = files.read_recorded(con), files.files_root(settings), []
    tables = {Path(path): mart for (_, mart), paths in named.items() for path in paths}
    for path, table in sorted(tables.items()):
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        if not path.exists():
            found.append(Finding("missing_file", f"the lake's file '{name}' is missing", table))
        elif name not in recorded:
            text = f"the catalogue names the file '{name}', which no release wrote"
            found.append(Finding("edited_catalogue", text, table))
        elif hash_file(path) != recorded[name][2]:
            found.append(
                Finding(
                    "edited_file",
                    f"the lake's file '{name}', written by release {recorded[name][0]}, was edited: "
                    "its SHA-256 is another one",
                    table,
                )
            )
    return named, found


def _contents(
    con: duckdb.DuckDBPyConnection,
    held: list[Release],
    named: dict[tuple[int, str], frozenset[str]],
    spoilt: set[str],
    progress: Callable[[str], None],
) -> Iterator[Finding]:
    """Each table of each kept release, read through time travel, hashes to what the ledger holds.

    A row's hash is computed once per file that holds it: files never change, releases only choose. A
    table that is the same files and the same hash as in the release before is not read again.
    """
    con.execute(
        "create or replace temp table row_hashes (filename varchar, file_row_number bigint, h varchar)"
    )
    for mart in sorted({name for release in held for name in release.marts}):
        if mart in spoilt:
            continue  # told already, by the name of its file
        progress(mart)
        con.execute("delete from row_hashes")
        hashed: set[str] = set()
        seen = None
        for release in held:
            if mart not in release.marts or seen == (named[release.release_id, mart], release.marts[mart]):
                continue
            seen = named[release.release_id, mart], release.marts[mart]
            try:
                got = _content_at(con, release, mart, hashed)
            except duckdb.Error as error:
                text = f"{mart} of release {release.release_id} cannot be read: {first_line(error)}"
                yield Finding("unreadable_content", text)
                con.execute("rollback")
                con.execute("begin")
                continue
            if got != release.marts[mart]:
                yield Finding(
                    "edited_catalogue",
                    f"{mart} of release {release.release_id} is not what was published though its files "
                    f"are whole: the catalogue was edited ({got.rows} rows, {release.marts[mart].rows} "
                    "published)",
                )


def _content_at(con: duckdb.DuckDBPyConnection, release: Release, mart: str, hashed: set[str]) -> Content:
    """`hashed`: files whose rows are in `row_hashes` already; more are added."""
    table = f"{duck.identifier(lake.ALIAS, *mart.split('.'))} at (version => {release.snapshot_id})"
    described = describe_columns(con, table)
    there = {name for (name,) in con.execute(f"select distinct filename from {table}").fetchall()}
    if fresh := sorted(there - hashed):
        con.execute(
            f"insert into row_hashes select filename, file_row_number, {row_hash_sql(described)} "
            f"from {table} where filename in (select unnest(?))",
            [fresh],
        )
        hashed.update(fresh)
    chosen = f"(select filename, file_row_number from {table})"
    hashes = f"select r.h from row_hashes as r join {chosen} using (filename, file_row_number)"
    return seal_content(described, *sum_hashes(con, hashes))


# What a batch's sidecar says of its pull, by the column of `audit.batches` that published it.
SIDECAR = {
    "partition_key": "partition", "rows_read": "rows", "sha256": "sha256",
    "schema_fingerprint": "schema_fingerprint", "origin": "origin", "pulled_at": "pulled_at",
    "run_id": "run_id", "source": "source", "batch_id": "batch_id",
}  # fmt: skip


def _published(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, str]]:
    """(source, batch) → what the newest release says of its pull; nothing where it cannot be read."""
    listed = ", ".join(f"{column}::varchar" for column in SIDECAR)
    try:
        rows = con.execute(f"select source, batch_id, {listed} from {lake.ALIAS}.audit.batches").fetchall()
    except duckdb.Error:
        return {}  # told already: `unreadable_content`
    return {(source, batch): dict(zip(SIDECAR, said, strict=True)) for source, batch, *said in rows}


def _landing(
    settings: Settings, batches: list[inputs.ReleasedBatch], published: dict[tuple[str, str], dict[str, str]]
) -> Iterator[Finding]:
    """Every batch that a release was made of still has the bytes it landed with, and tells the same pull."""
    for batch in batches:
        path = settings.landing / batch.source / batch.partition / f"{batch.batch_id}.parquet"
        name = f"{batch.source} {batch.partition}, batch {batch.batch_id}"
        if not path.exists():
            yield Finding("missing_batch", f"landing: {name} is missing")
        elif hash_file(path) != batch.sha256:
            yield Finding("edited_batch", f"landing: the bytes of {name} no longer match its SHA-256")
        if not path.with_suffix(".json").exists():
            yield Finding("missing_batch", f"landing: the sidecar of {name} is missing, so it counts no more")
            continue
        try:
            told = read_sidecar(path.with_suffix(".json"))
        except (ValueError, TypeError, KeyError):
            yield Finding("edited_sidecar", f"landing: the sidecar of {name} cannot be read")
            continue
        # A release restored since may know nothing of it.
        for column, said in published.get((batch.source, batch.batch_id), {}).items():
            if str(getattr(told, SIDECAR[column])) != said:
                yield Finding(
                    "edited_sidecar",
                    f"landing: the sidecar of {name} says another `{SIDECAR[column]}` than was published",
                )
