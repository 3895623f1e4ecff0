"""The ledger: one row per release in `audit.releases`, chained by hash (DESIGN §7).

A release's own hash covers everything said about it, its marts' content hashes and the hash of the
release before: whoever notes the newest hash elsewhere can prove all earlier ones.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from pipelines.releases.lake import ALIAS
from pipelines.releases.marts import Content

GENESIS = "0" * 64

RELEASES_DDL = f"""
create table if not exists {ALIAS}.audit.releases (
    release_id bigint not null, published_at timestamp not null, as_of timestamp not null,
    snapshot_id bigint not null, run_id varchar not null, author varchar not null,
    reason varchar not null, code_version varchar not null, manifest_sha256 varchar not null,
    input_batches bigint not null, input_sha256 varchar not null,
    previous_hash varchar not null, release_hash varchar not null
)"""
RELEASE_MARTS_DDL = f"""
create table if not exists {ALIAS}.audit.release_marts (
    release_id bigint not null, mart varchar not null, row_count bigint not null,
    content_sha256 varchar not null
)"""


@dataclass(frozen=True)
class Release:
    """One published state of all marts. Times: `published_at` UTC, `as_of` local."""

    release_id: int
    published_at: datetime
    as_of: datetime
    snapshot_id: int
    run_id: str
    author: str
    reason: str
    code_version: str
    manifest_sha256: str
    input_batches: int
    input_sha256: str
    previous_hash: str
    release_hash: str = ""
    marts: dict[str, Content] = field(default_factory=dict)

    def chain_hash(self) -> str:
        """SHA-256 over every field but `release_hash` itself, and over each mart's content hash."""
        said = {k: str(v) for k, v in vars(self).items() if k not in ("release_hash", "marts")}
        held = {name: [mart.rows, mart.sha256] for name, mart in sorted(self.marts.items())}
        return hashlib.sha256(json.dumps([said, held], sort_keys=True).encode()).hexdigest()


def create(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(RELEASES_DDL)
    con.execute(RELEASE_MARTS_DDL)


def append(con: duckdb.DuckDBPyConnection, release: Release) -> None:
    values = {k: v for k, v in vars(release).items() if k != "marts"}
    marks = ", ".join("?" for _ in values)
    con.execute(
        f"insert into {ALIAS}.audit.releases ({', '.join(values)}) values ({marks})",
        list(values.values()),
    )
    con.executemany(
        f"insert into {ALIAS}.audit.release_marts values (?, ?, ?, ?)",
        [[release.release_id, n, m.rows, m.sha256] for n, m in sorted(release.marts.items())],
    )


def releases(con: duckdb.DuckDBPyConnection) -> list[Release]:
    """All releases, oldest first; empty where none was published."""
    if not _exists(con):
        return []
    cursor = con.execute(f"from {ALIAS}.audit.releases order by release_id")
    names = [d[0] for d in cursor.description or []]
    found = [Release(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    by_id = {release.release_id: release for release in found}
    for release_id, mart, rows, sha256 in con.execute(f"from {ALIAS}.audit.release_marts").fetchall():
        if release_id in by_id:  # a dropped release is the chain's to report, not this query's
            by_id[release_id].marts[mart] = Content(rows, sha256)
    return found


def broken_links(chain: list[Release]) -> list[str]:
    """What is wrong with the chain, one sentence each; empty when it holds."""
    problems, previous = [], GENESIS
    for expected_id, release in enumerate(chain, start=1):
        if release.release_id != expected_id:
            problems.append(
                f"release {expected_id} is missing from the ledger (next found: {release.release_id})"
            )
            return problems
        if release.previous_hash != previous:
            problems.append(f"release {release.release_id} does not continue the one before it")
        if release.chain_hash() != release.release_hash:
            problems.append(f"the ledger row of release {release.release_id} was edited")
        previous = release.release_hash
    return problems


def _exists(con: duckdb.DuckDBPyConnection) -> bool:
    row = con.execute(
        "select count(*) from information_schema.tables "
        "where table_catalog = ? and table_schema = 'audit' and table_name = 'releases'",
        [ALIAS],
    ).fetchone()
    return bool(row and row[0])
