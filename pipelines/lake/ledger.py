"""The ledger: one row per release in `audit.releases`, chained by hash.

A release's own hash covers everything said about it, its marts' content hashes, the rows of its
detail tables and the hash of the link before (`chain.py`): whoever notes the newest hash elsewhere can
prove all earlier ones. Rows are only ever appended.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import ALIAS, list_snapshots, plan_without_statistics
from pipelines.lake.content_hash import (
    Content,
    describe_columns,
    hash_content_by,
    hash_rows_in_order,
    join_hashes_by,
    seal_content,
    seal_rows,
)

GENESIS = "0" * 64

# Columns by table; `details` are those whose rows of a release are covered by its `details_sha256`.
TABLES = {
    "releases": """
        release_id bigint not null, published_at timestamp not null, as_of timestamp not null,
        snapshot_id bigint not null, run_id varchar not null, author varchar not null,
        reason varchar not null, restores bigint, code_commit varchar not null, is_dirty boolean not null,
        manifest_sha256 varchar not null, rules_sha256 varchar not null,
        reference_sha256 varchar not null, input_batches bigint not null, input_sha256 varchar not null,
        details_sha256 varchar not null, previous_hash varchar not null, release_hash varchar not null""",
    "release_marts": """
        release_id bigint not null, mart varchar not null, row_count bigint not null,
        content_sha256 varchar not null""",
    "release_batches": """
        release_id bigint not null, source varchar not null, partition_key date not null,
        batch_id varchar not null, sha256 varchar not null, standing varchar not null""",
    "release_quality": """
        release_id bigint not null, source varchar not null, partition_key date not null,
        batch_id varchar not null, sidecar_sha256 varchar not null, report_sha256 varchar,
        accepted_sha256 varchar, rejected_sha256 varchar""",
    "release_exports": """
        release_id bigint not null, entries bigint not null, entry_hash varchar not null""",
    "release_engines": """
        release_id bigint not null, engine varchar not null, version varchar not null, settings varchar not null""",
    "release_files": """
        release_id bigint not null, path varchar not null, bytes bigint not null, sha256 varchar not null""",
    "release_rates": """
        release_id bigint not null, metric varchar not null, period varchar not null,
        unit_code varchar not null, numerator bigint not null, denominator bigint not null""",
    "release_changes": """
        release_id bigint not null, compared_with bigint not null, metric varchar not null,
        period varchar not null, unit_code varchar not null, cause varchar not null, field varchar,
        numerator_change bigint not null, denominator_change bigint not null,
        rate_change double, dossiers bigint not null""",
    "release_movements": """
        release_id bigint not null, metric varchar not null, period varchar not null,
        item_code varchar not null, unit_code varchar not null, cause varchar not null,
        field varchar, batch_id varchar,
        numerator_change bigint not null, denominator_change bigint not null""",
    "release_facts": """
        release_id bigint not null, fact varchar not null, scope varchar not null, value double not null,
        weight double not null""",
    "release_checks": """
        release_id bigint not null, rule varchar not null, scope varchar not null, severity varchar not null,
        outcome varchar not null, value double, fact_value double, fact_before double, limit_value double,
        text_en varchar not null, text_vi varchar not null,
        next_en varchar not null, next_vi varchar not null""",
    "release_holds": """
        event_id bigint not null, hold_id bigint not null, event varchar not null,
        after_release bigint not null, after_prune bigint not null, happened_at timestamp not null,
        author varchar not null, reason varchar not null, run_id varchar not null, as_of timestamp not null,
        content_sha256 varchar not null, findings varchar not null,
        previous_hash varchar not null, event_hash varchar not null""",
    "release_states": """
        state_id bigint not null, release_id bigint not null, after_prune bigint not null,
        after_event bigint not null, recorded_at timestamp not null, version varchar not null,
        visible_rows varchar not null, statistics varchar not null,
        previous_hash varchar not null, state_hash varchar not null""",
    "release_prunes": """
        prune_id bigint not null, release_id bigint not null, after_release bigint not null,
        pruned_at timestamp not null, author varchar not null, reason varchar not null,
        previous_hash varchar not null, prune_hash varchar not null""",
}
# Written between releases: what was held, what was pruned, and the lake's state once a release was committed.
BETWEEN_RELEASES = ("release_holds", "release_prunes", "release_states")
DETAILS = ("release_batches", "release_files", "release_rates", "release_changes", "release_movements")
# Younger than the first releases: covered where a release has rows of them.
LATER_DETAILS = ("release_facts", "release_checks", "release_quality", "release_exports", "release_engines")
# Begins the hash of details whose rows are hashed in order; those of the first releases are a sum.
IN_ORDER = "rows-"


def seal(content: object) -> str:
    """SHA-256 of what a link of the chain says, as JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Release:
    """One published state of all marts. Times: `published_at` UTC, `as_of` local.

    `restores`: the release whose content this one brought back, None for a release of its own.
    """

    release_id: int
    published_at: datetime
    as_of: datetime
    snapshot_id: int
    run_id: str
    author: str
    reason: str
    code_commit: str
    is_dirty: bool
    manifest_sha256: str
    rules_sha256: str
    reference_sha256: str
    input_batches: int
    input_sha256: str
    previous_hash: str
    restores: int | None = None
    details_sha256: str = ""
    release_hash: str = ""
    marts: dict[str, Content] = field(default_factory=dict)

    def chain_hash(self) -> str:
        """SHA-256 over every field but `release_hash` itself, and over each mart's content hash."""
        fields = {k: str(v) for k, v in vars(self).items() if k not in ("release_hash", "marts")}
        marts = {name: [mart.rows, mart.sha256] for name, mart in sorted(self.marts.items())}
        return seal([fields, marts])

    @property
    def is_intact(self) -> bool:
        return self.chain_hash() == self.release_hash

    def label(self) -> str:
        """What the lake's own snapshot says of the release; `verify` compares the two."""
        return json.dumps({k: str(v) for k, v in vars(self).items() if k != "marts"})

    @property
    def code_version(self) -> str:
        return self.code_commit + ("+dirty" if self.is_dirty else "")

    def same_code(self, other: Release) -> bool:
        """Built by the same models, rules and reference data."""
        own = (self.manifest_sha256, self.rules_sha256, self.reference_sha256)
        return own == (other.manifest_sha256, other.rules_sha256, other.reference_sha256)


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    for name, columns in TABLES.items():
        con.execute(f"create table if not exists {ALIAS}.audit.{name} ({columns})")


def hash_details(con: duckdb.DuckDBPyConnection, release_id: int) -> str:
    """One hash over the rows that the detail tables hold of a release, in order."""
    hashes = []
    with plan_without_statistics(con):
        for name in _list_detail_tables(con):
            rows = f"(from {ALIAS}.audit.{name} where release_id = {release_id:d})"
            if name not in LATER_DETAILS or con.execute(f"select 1 from {rows} limit 1").fetchone():
                hashes.append(hash_rows_in_order(con, rows))
    return _seal_details(hashes)


def find_edited_details(con: duckdb.DuckDBPyConnection, chain: list[Release]) -> list[int]:
    """Releases whose details do not hash to what they say, in the way they say.

    Each table is read once, for all of them: it lies in as many files as there are releases.
    """
    of_sums = {r.release_id for r in chain if not r.details_sha256.startswith(IN_ORDER)}
    hashes: dict[int, list[str]] = {release.release_id: [] for release in chain}
    for name in _list_detail_tables(con):
        con.execute(f"create or replace temp table details as from {ALIAS}.audit.{name}")
        described = describe_columns(con, "temp.details")
        joined = join_hashes_by(con, "temp.details", "release_id")
        summed = hash_content_by(con, "temp.details", "release_id") if of_sums else {}
        for number, of_one in hashes.items():
            if name in LATER_DETAILS and number not in joined:
                continue
            if number in of_sums:
                of_one.append(summed.get(number, seal_content(described, 0, 0)).sha256)
            else:
                of_one.append(seal_rows(described, joined.get(number, "")))
    con.execute("drop table if exists temp.details")
    return [
        release.release_id
        for release in chain
        if _seal_details(hashes[release.release_id], is_of_sums=release.release_id in of_sums)
        != release.details_sha256
    ]


def _list_detail_tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables of details there are, in the order in which they are sealed; of a later one nothing may be there."""
    return [*DETAILS, *(name for name in LATER_DETAILS if table_exists(con, "audit", name))]


def _seal_details(hashes: list[str], *, is_of_sums: bool = False) -> str:
    """A later table that has no rows of the release is not among `hashes`."""
    return ("" if is_of_sums else IN_ORDER) + hashlib.sha256("".join(hashes).encode()).hexdigest()


def list_strays(con: duckdb.DuckDBPyConnection, chain: list[Release]) -> list[tuple[str, int]]:
    """(table, release) of rows that speak of a release which the ledger does not hold."""
    numbers = [release.release_id for release in chain]
    strays = []
    for name in ("release_marts", "release_states", *DETAILS, *LATER_DETAILS):
        if table_exists(con, "audit", name):
            query = f"select distinct release_id from {ALIAS}.audit.{name} where release_id not in (select unnest(?))"
            with plan_without_statistics(con):
                strays += [(name, number) for (number,) in con.execute(query, [numbers]).fetchall()]
    return strays


def append_release(con: duckdb.DuckDBPyConnection, release: Release) -> None:
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


def list_releases(con: duckdb.DuckDBPyConnection) -> list[Release]:
    """All releases, oldest first; empty where none was published."""
    if not table_exists(con, "audit", "releases"):
        return []
    with plan_without_statistics(con):
        cursor = con.execute(f"from {ALIAS}.audit.releases order by release_id")
        names = [d[0] for d in cursor.description or []]
        chain = [Release(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
        marts = con.execute(f"from {ALIAS}.audit.release_marts").fetchall()
    by_id = {release.release_id: release for release in chain}
    for release_id, mart, rows, sha256 in marts:
        if release_id in by_id:  # a dropped release is the chain's to report, not this query's
            by_id[release_id].marts[mart] = Content(rows, sha256)
    return chain


def find_release(chain: list[Release], release_id: int | None) -> Release:
    """A release by its number, the newest for None; LookupError says which there are."""
    if not chain:
        raise LookupError("No release yet. Run `thongsuot run` first.")
    if release_id is None:
        return chain[-1]
    for release in chain:
        if release.release_id == release_id:
            return release
    raise LookupError(
        f"There is no release {release_id}: the ledger holds {chain[0].release_id} to {chain[-1].release_id}."
    )


def list_kept(con: duckdb.DuckDBPyConnection, chain: list[Release]) -> list[Release]:
    """The releases whose contents the lake still holds, by its own list of snapshots."""
    snapshots = list_snapshots(con)
    return [release for release in chain if release.snapshot_id in snapshots]


def table_exists(con: duckdb.DuckDBPyConnection, schema: str, table: str, database: str = ALIAS) -> bool:
    """Asked of the table itself: to list tables, DuckDB first counts the rows of each in the lake's catalogue."""
    try:
        con.execute(f"select 1 from {duck.identifier(database, schema, table)} limit 0")
    except duckdb.CatalogException:
        return False
    return True
