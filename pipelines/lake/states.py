"""What DuckLake's catalogue says, as SHA-256 per table of it: the rows that a snapshot shows, and the statistics.

A reader's answer follows from the files and from the catalogue: by its statistics files are passed over and rows
counted. So the whole catalogue is a link of the chain, as soon as a release is committed, not only its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import duckdb

from pipelines.lake import chain as links
from pipelines.lake.catalogue import label_transaction
from pipelines.lake.catalogue_rows import list_columns, query_catalogue, query_each
from pipelines.lake.foreign import DUCKLAKE_TABLES, INLINED
from pipelines.lake.ledger import BETWEEN_RELEASES, TABLES, Release, table_exists

# A snapshot has its own row in these; two snapshots that show the same have two.
OF_A_SNAPSHOT = ("ducklake_snapshot", "ducklake_snapshot_changes")
# What the next write of DuckLake changes, and what it writes without saying since when.
STATISTICS = (
    "ducklake_table_stats", "ducklake_table_column_stats", "ducklake_partition_column", "ducklake_sort_expression",
    "ducklake_macro_impl", "ducklake_macro_parameters", "ducklake_column_mapping", "ducklake_name_mapping",
    "ducklake_inlined_data_tables", "ducklake_metadata",
)  # fmt: skip
OF_THE_LEDGER = " of the ledger"
# One row per data file, which a later release or a pruning makes over. So no edit of it is told by its hash: where
# that is another one, all rows are hashed.
STRICKEN = "ducklake_delete_file"
Hashes = dict[str, str]


class CatalogueState(NamedTuple):
    """Table of the catalogue → SHA-256 of its rows. `version`: of the catalogue's tables."""

    version: str
    visible_rows: Hashes
    statistics: Hashes


def read_state(con: duckdb.DuckDBPyConnection, snapshot_id: int) -> CatalogueState:
    """What a snapshot shows, with the statistics as they are now. The connection holds a transaction."""
    version = query_catalogue(con, ("value",), "from ducklake_metadata where key = 'version'")
    file = _CatalogueFile.of(con)
    conditions = {
        # Where the files lie is checked by itself: a lake may be moved.
        table: "key <> 'data_path'" if table == "ducklake_metadata" else "true"
        for table in file.columns.keys() & {*STATISTICS}
    }
    statistics = _hash_tables(file, conditions, dict.fromkeys(conditions, file.between))
    return CatalogueState(str(version and version[0][0]), _hash_visible(file, snapshot_id), statistics)


def show_the_same(con: duckdb.DuckDBPyConnection, left: int, right: int) -> bool:
    """Whether two snapshots show the same rows, but for the files of tables that are written between releases.

    Never where rows rest in the catalogue itself. The connection holds a transaction.
    """
    file = _CatalogueFile.of(con)
    if any(INLINED.fullmatch(table) for table in file.columns):
        return False
    sides = [
        {
            table: sha256
            for table, sha256 in _hash_visible(file, snapshot, file.between).items()
            if table not in OF_A_SNAPSHOT
        }
        for snapshot in (left, right)
    ]
    return sides[0] == sides[1]


def list_differences(state: links.LakeState, catalogue: CatalogueState, *, is_newest: bool) -> list[str]:
    """Tables of the catalogue that are not what was recorded; of the newest release also what later ones change."""
    if state.version != catalogue.version:
        return []  # another DuckLake made its tables over: nothing can be compared
    pairs = [(state.visible_rows, catalogue.visible_rows)]
    if is_newest:
        pairs.append((state.statistics, catalogue.statistics))
    differing = []
    for recorded, present in pairs:
        expected: Hashes = json.loads(recorded)
        differing += [
            name for name in expected.keys() | present.keys() if expected.get(name) != present.get(name)
        ]
    return sorted({name for name in differing if not name.startswith(STRICKEN)})


def has_same_strikes(state: links.LakeState, catalogue: CatalogueState) -> bool:
    """Whether the catalogue strikes the same rows out in the same files; a pruning may have made that over."""
    sides = [json.loads(state.visible_rows), catalogue.visible_rows]
    left, right = ({n: sha for n, sha in side.items() if n.startswith(STRICKEN)} for side in sides)
    return state.version == catalogue.version and left == right


def record_state(con: duckdb.DuckDBPyConnection, chain: Sequence[Release]) -> None:
    """The newest release's state becomes a link of the chain; harmless when repeated. Under the writer lock."""
    if not chain or not table_exists(con, "audit", "release_states"):
        return
    newest = chain[-1]
    if any(state.release_id == newest.release_id for state in links.list_states(con)):
        return
    con.execute("begin")
    catalogue = read_state(con, newest.snapshot_id)
    link = links.LakeState(
        state_id=0,
        release_id=newest.release_id,
        after_prune=0,
        after_event=0,
        recorded_at=datetime.now(UTC).replace(tzinfo=None),
        version=catalogue.version,
        visible_rows=json.dumps(catalogue.visible_rows, sort_keys=True),
        statistics=json.dumps(catalogue.statistics, sort_keys=True),
    )
    links.append_state(con, chain, link)
    label_transaction(con, newest.author, f"the state of release {newest.release_id}")
    con.execute("commit")


class _CatalogueFile(NamedTuple):
    """Table → its columns in their order; the numbers of the ledger's tables, and of those written between releases."""

    con: duckdb.DuckDBPyConnection
    columns: dict[str, list[str]]
    ledger: frozenset[int]
    between: frozenset[int]

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection) -> _CatalogueFile:
        columns = list_columns(con)
        rows = query_catalogue(
            con,
            ("table_id", "table_name"),
            "from ducklake_table join ducklake_schema using (schema_id) where schema_name = 'audit'",
        )
        own = {int(str(number)): str(name) for number, name in rows if name in TABLES}
        between = frozenset(number for number, name in own.items() if name in BETWEEN_RELEASES)
        return cls(con, columns, frozenset(own), between)


def _hash_visible(
    file: _CatalogueFile, snapshot_id: int, without_files: frozenset[int] = frozenset()
) -> Hashes:
    """Of every table that says from when to when a row holds, and of what hangs on a file or a snapshot."""
    is_visible = (
        f"begin_snapshot <= {snapshot_id:d} and (end_snapshot is null or end_snapshot > {snapshot_id:d})"
    )
    of_files = f"data_file_id in (select data_file_id from ducklake_data_file where {is_visible})"
    conditions: dict[str, str] = {}
    for table in file.columns.keys() & DUCKLAKE_TABLES:
        columns = set(file.columns[table])
        if {"begin_snapshot", "end_snapshot"} <= columns:
            conditions[table] = is_visible
        elif table in OF_A_SNAPSHOT:
            conditions[table] = f"snapshot_id = {snapshot_id:d}"
        elif "data_file_id" in columns and table.startswith("ducklake_file_"):
            conditions[table] = of_files
        elif table == "ducklake_schema_versions":
            conditions[table] = f"begin_snapshot <= {snapshot_id:d}"
    of_files_alone = {
        table: without_files
        for table, condition in conditions.items()
        if table in ("ducklake_data_file", "ducklake_delete_file") or condition == of_files
    }
    return _hash_tables(file, conditions, of_files_alone)


def _hash_tables(
    file: _CatalogueFile, conditions: Mapping[str, str], without: Mapping[str, frozenset[int]]
) -> Hashes:
    """SHA-256 of each table's rows but for when they end (the next release says so of what it replaces); apart, of
    those that are about the ledger.

    `without`: by table, whose rows are left out.
    """
    columns = {
        table: [name for name in file.columns[table] if name != "end_snapshot"] for table in conditions
    }
    queries = {
        table: ([f'"{name}"' for name in columns[table]], f'from "{table}" where {condition}')
        for table, condition in conditions.items()
    }
    hashes: Hashes = {}
    for table, rows in query_each(file.con, queries).items():
        place = columns[table].index("table_id") if "table_id" in columns[table] else None
        lines: dict[str, list[str]] = {table: []}
        for row in rows:
            owner = row[place] if place is not None else None
            if owner not in without.get(table, ()):
                name = f"{table}{OF_THE_LEDGER}" if owner in file.ledger else table
                lines.setdefault(name, []).append(json.dumps(row, default=repr))
        hashes |= {name: _hash_lines(lines[name]) for name in lines}
    return hashes


def _hash_lines(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
