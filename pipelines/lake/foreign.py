"""What the catalogue holds that no release, hold or pruning put there.

The publisher makes tables of two schemas, in Parquet files, and nothing else: whatever is more was written by
somebody else, also where no release's own contents show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import METADATA, find_data_path
from pipelines.lake.catalogue_rows import CatalogueObject, is_in_postgres, list_catalogue_objects
from pipelines.lake.file_places import Files, locate_files
from pipelines.lake.files import list_scheduled, read_recorded
from pipelines.lake.ledger import BETWEEN_RELEASES, TABLES, Release, table_exists
from pipelines.lake.manifest import SCHEMAS
from pipelines.sql import read_sql

# DuckLake's own tables, attached with every lake.
SETTINGS = {"version", "created_by", "data_path", "encrypted", "require_commit_message"}
VALUES = {"encrypted": "false", "require_commit_message": "true"}
INLINED = re.compile(r"ducklake_inlined_(?:data|delete)_(\d+)(?:_\d+)?")
CHANGE = re.compile(r'([a-z_]+):("(?:[^"]|"")*"(?:\."(?:[^"]|"")*")?|\d+)')
# As https://ducklake.select/docs/stable/specification/tables/overview names them.
TABLE_NAMES = (
    "metadata", "snapshot", "snapshot_changes", "schema", "table", "view", "tag", "column_tag",
    "data_file", "file_column_stats", "file_variant_stats", "delete_file", "column", "table_stats",
    "table_column_stats", "partition_info", "partition_column", "file_partition_value",
    "files_scheduled_for_deletion", "inlined_data_tables", "column_mapping", "name_mapping",
    "schema_versions", "macro", "macro_impl", "macro_parameters", "sort_info", "sort_expression",
)  # fmt: skip
# No default, check, collation, key elsewhere or computed column.
_COLUMN = r'"?\w+"? (?:{types})(?: PRIMARY KEY| NOT NULL)?'
_TYPES = "BIGINT|VARCHAR"
_TYPES_OF_POSTGRES = "BIGINT|CHARACTER VARYING|BOOLEAN|UUID|TIMESTAMP WITH TIME ZONE"
PLAIN_TABLE, PLAIN_TABLE_OF_POSTGRES = (
    re.compile(rf'CREATE TABLE "?\w+"? ?\({column}(?:, {column})*\)')
    for column in (_COLUMN.format(types=types) for types in (_TYPES, _TYPES_OF_POSTGRES))
)
DUCKLAKE_TABLES = {f"ducklake_{name}" for name in TABLE_NAMES}
# Kind of finding → the catalogue's table of such things, and what names one.
OBJECTS = {
    "foreign_view": ("ducklake_view", "view_name"),
    "foreign_macro": ("ducklake_macro", "macro_name"),
    "foreign_comment": ("ducklake_tag", "value"),
    "foreign_column_comment": ("ducklake_column_tag", "value"),
    "foreign_partitioning": ("ducklake_partition_info", "partition_id::varchar"),
    "foreign_order": ("ducklake_sort_info", "sort_id::varchar"),
}


class ForeignThing(NamedTuple):
    """`snapshots`: those kept ones that show it; empty where it is not bound to any. `is_of_database`: a trigger, a
    table and the like of the database that holds the catalogue.
    """

    kind: str
    text: str
    snapshots: frozenset[int] = frozenset()
    is_of_database: bool = False


def list_foreign_things(con: duckdb.DuckDBPyConnection, chain: Sequence[Release]) -> list[ForeignThing]:
    """Every one, by kind; empty for a lake that only the publisher wrote."""
    return [
        *_list_snapshots(con, chain),
        *_list_tables(con, chain),
        *_list_schemas(con),
        *_list_objects(con),
        *_list_inlined_rows(con),
        *_list_settings(con),
        *_list_file_objects(con),
        *_list_scheduled_files(con),
    ]


def _metadata(table: str) -> str:
    return duck.identifier(METADATA, table)


def _list_snapshots(con: duckdb.DuckDBPyConnection, chain: Sequence[Release]) -> Iterator[ForeignThing]:
    """Those between releases that did something else than to append to the tables of holds and prunings.

    By what the catalogue says of a snapshot, and by the rows that begin or end with it.
    """
    released = {release.snapshot_id for release in chain}
    ledger_ids = {
        str(table_id): name
        for table_id, name in con.execute(
            f"select t.table_id, t.table_name from {_metadata('ducklake_table')} as t "
            f"join {_metadata('ducklake_schema')} as s using (schema_id) where s.schema_name = 'audit'"
        ).fetchall()
        if name in TABLES
    }
    touched: dict[int, set[str]] = {}
    for snapshot, table_id in con.execute(
        read_sql("pipelines.lake", "touched_tables", metadata=METADATA)
    ).fetchall():
        touched.setdefault(snapshot, set()).add(str(table_id))
    for snapshot, at, changes, author, message in con.execute(
        f"select s.snapshot_id, s.snapshot_time, c.changes_made, c.author, c.commit_message "
        f"from {_metadata('ducklake_snapshot')} as s "
        f"left join {_metadata('ducklake_snapshot_changes')} as c using (snapshot_id) order by 1"
    ).fetchall():
        if snapshot in released:
            continue
        is_own = (
            _is_own_change(changes or "", ledger_ids) and touched.get(snapshot, set()) <= ledger_ids.keys()
        )
        if not is_own:
            yield ForeignThing(
                "foreign_snapshot",
                f"snapshot {snapshot} of the lake (made {at}, author {author!r}, message {message!r}) is of no "
                f"release, hold or pruning; it did: {changes or 'nothing that is on record'}",
                frozenset({snapshot}),
            )


def _is_own_change(changes: str, ledger_ids: dict[str, str]) -> bool:
    """Whether the publisher writes such a snapshot between releases, or in an empty lake."""
    tokens = CHANGE.findall(changes)
    own_tables = {f'"audit"."{name}"' for name in TABLES}
    own_schemas = {f'"{name}"' for name in (*SCHEMAS, "main")}
    return bool(tokens) and all(
        (what == "created_schema" and target in own_schemas)
        or (what == "created_table" and target in own_tables)
        or (what == "inserted_into_table" and ledger_ids.get(target) in BETWEEN_RELEASES)
        for what, target in tokens
    )


def _list_tables(con: duckdb.DuckDBPyConnection, chain: Sequence[Release]) -> Iterator[ForeignThing]:
    """Tables that a kept snapshot shows and that are neither the ledger's nor of the newest release then."""
    own = {f"audit.{name}" for name in TABLES}
    visible: dict[str, set[int]] = {}
    for snapshot, table in con.execute(
        read_sql("pipelines.lake", "visible_tables", metadata=METADATA)
    ).fetchall():
        release = next((r for r in reversed(chain) if r.snapshot_id <= snapshot), None)
        if table not in own and (release is None or table not in release.marts):
            visible.setdefault(table, set()).add(snapshot)
    for table, snapshots in sorted(visible.items()):
        yield ForeignThing(
            "foreign_table", f"the lake shows a table {table}, which no release holds", frozenset(snapshots)
        )


def _list_schemas(con: duckdb.DuckDBPyConnection) -> Iterator[ForeignThing]:
    for name, snapshots in _list_visible(con, "ducklake_schema", "schema_name"):
        if name not in (*SCHEMAS, "main"):
            yield ForeignThing(
                "foreign_schema", f"the lake shows a schema {name!r}, which no release made", snapshots
            )


def _list_objects(con: duckdb.DuckDBPyConnection) -> Iterator[ForeignThing]:
    words = {
        "foreign_view": "a view named",
        "foreign_macro": "a macro named",
        "foreign_comment": "a comment on a table, view or schema:",
        "foreign_column_comment": "a comment on a column:",
        "foreign_partitioning": "a partitioning of a table, number",
        "foreign_order": "an order of a table, number",
    }
    for kind, (table, name_sql) in OBJECTS.items():
        for name, snapshots in _list_visible(con, table, name_sql):
            reported = kind if kind in ("foreign_view", "foreign_macro") else "foreign_setting"
            yield ForeignThing(
                reported, f"the lake shows {words[kind]} {name!r}, which no release made", snapshots
            )


def _list_visible(
    con: duckdb.DuckDBPyConnection, table: str, name_sql: str
) -> Iterator[tuple[str, frozenset[int]]]:
    """Name → the kept snapshots that show it."""
    query = (
        f"select {name_sql}, list(distinct s.snapshot_id) from {_metadata(table)} as o "
        f"join {_metadata('ducklake_snapshot')} as s on o.begin_snapshot <= s.snapshot_id "
        "and (o.end_snapshot is null or s.snapshot_id < o.end_snapshot) group by 1 order by 1"
    )
    for name, snapshots in con.execute(query).fetchall():
        yield name, frozenset(snapshots)


def _list_inlined_rows(con: duckdb.DuckDBPyConnection) -> Iterator[ForeignThing]:
    """Rows, or strikings out of rows, that rest in the catalogue itself: the publisher writes files alone."""
    registered = con.execute(
        f"select table_name, table_id from {_metadata('ducklake_inlined_data_tables')}"
    ).fetchall()
    inlined = {name: int(table_id) for name, table_id in registered}
    for name in [one.name for one in list_catalogue_objects(con)]:
        if match := INLINED.fullmatch(name):
            inlined.setdefault(name, int(match[1]))
    for name, table_id in sorted(inlined.items()):
        ends = "null" if "_delete_" in name else "r.end_snapshot"
        query = read_sql(
            "pipelines.lake", "inlined_rows", metadata=METADATA, table=_metadata(name), ends=ends,
            table_id=table_id,
        )  # fmt: skip
        for table, rows, snapshots in con.execute(query).fetchall():
            what = "struck out" if "_delete_" in name else "written"
            yield ForeignThing(
                "inlined_rows",
                f"{rows} rows of {table} are {what} in the catalogue itself: every release writes files alone",
                frozenset(snapshots),
            )


def _list_settings(con: duckdb.DuckDBPyConnection) -> Iterator[ForeignThing]:
    own_files = locate_files(find_data_path(con))
    for key, value, scope in con.execute(
        f"select key, value, scope from {_metadata('ducklake_metadata')} order by all"
    ).fetchall():
        is_other_value = value != VALUES.get(key, value)
        if key not in SETTINGS or scope is not None or is_other_value:
            yield ForeignThing(
                "foreign_setting",
                f"the catalogue has the setting {key} = {value!r}, which the publisher did not make",
            )
        elif key == "data_path" and (reason := _find_fault_of_data_path(con, value, own_files)):
            yield ForeignThing(
                "foreign_setting",
                f"the catalogue's data_path is {value!r}, not the lake's own folder: {reason}. "
                "Whoever attaches the lake without naming its files reads those",
            )


def _find_fault_of_data_path(con: duckdb.DuckDBPyConnection, value: str, own_files: Files) -> str:
    """Why another place of files is not to be read; empty for the own one, one that is gone, or a true copy."""
    if value == own_files.root:
        return ""
    is_recorded = table_exists(con, "audit", "release_files")
    recorded = {n: sha256 for n, (_, _, sha256) in read_recorded(con).items()} if is_recorded else {}
    return own_files.find_fault_of_root(con, value, recorded)


def _list_scheduled_files(con: duckdb.DuckDBPyConnection) -> Iterator[ForeignThing]:
    """A pruning that was stopped leaves files of old releases there; the next one deletes whatever is named."""
    live = {
        path
        for table in ("ducklake_data_file", "ducklake_delete_file")
        for (path,) in con.execute(f"select path from {_metadata(table)}").fetchall()
    }
    for path, is_relative in list_scheduled(con):
        parts = Path(path).parts
        if not is_relative or ".." in parts or Path(path).is_absolute() or Path(path).name in live:
            yield ForeignThing(
                "foreign_setting",
                f"the catalogue would have the file {path!r} deleted by the next pruning: no pruning said so",
            )


def list_foreign_file_objects(con: duckdb.DuckDBPyConnection) -> list[CatalogueObject]:
    """Triggers, views, indexes and tables of the catalogue's file that DuckLake did not make, or not in this way.

    A trigger runs in whichever transaction commits next, the publisher's own among them; a check refuses the next
    release, a column that is computed or compared otherwise gives a reader other rows.
    """
    plain = PLAIN_TABLE_OF_POSTGRES if is_in_postgres(con) else PLAIN_TABLE
    return [
        one
        for one in list_catalogue_objects(con)
        if not one.is_plain
        or (one.name in DUCKLAKE_TABLES and not plain.fullmatch(one.definition))
        or (
            one.kind == "table"
            and one.name not in DUCKLAKE_TABLES
            and not INLINED.fullmatch(one.name)
            and not one.name.startswith("sqlite_")
        )
    ]


def _list_file_objects(con: duckdb.DuckDBPyConnection) -> Iterator[ForeignThing]:
    for one in list_foreign_file_objects(con):
        is_ours = one.is_plain and one.name in DUCKLAKE_TABLES
        what = "made otherwise than DuckLake makes it" if is_ours else "which is none of DuckLake's"
        yield ForeignThing(
            "foreign_setting",
            f"the catalogue's database holds a {one.kind} named {one.name!r}, {what}",
            is_of_database=True,
        )
