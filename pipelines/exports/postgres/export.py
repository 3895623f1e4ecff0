"""PostgreSQL: the newest release in schemas `marts` and `audit`, for BI that speaks SQL over a network.

What changed between the release held there and the newest is deleted and copied in one transaction.
TRUNCATE is not MVCC-safe and swapped views mix releases; DELETE + COPY never did.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import psycopg
from psycopg.conninfo import conninfo_to_dict

from pipelines import duck
from pipelines.exports.common import PublishedTable, find_changed_keys, list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.postgres import schema as schema
from pipelines.exports.postgres.contents import find_edited_tables, hash_tables
from pipelines.lake import ledger
from pipelines.lake.catalogue import plan_without_statistics
from pipelines.lake.exported import record_hashes
from pipelines.lake.ledger import Release
from pipelines.landing.controls import LOST
from pipelines.log import get_logger
from pipelines.masking import mask_secrets
from pipelines.settings import Settings
from pipelines.sql import read_sql

LOG = get_logger(__name__)
CSV = "format csv, null '\\N'"


class PostgresError(RuntimeError):
    """The database could not take the release; it still holds the one before. No secret in the text."""


def load_postgres(settings: Settings, *, compare_all: bool = False) -> ExportResult:
    """Bring the database to the newest release; `compare_all` compares every row and repairs.

    PostgresError where it cannot be reached or refuses; ValueError without an address.
    """
    if settings.postgres_url is None:
        raise ValueError("No PostgreSQL to export to: set THONGSUOT_POSTGRES_URL.")
    where = address(settings.postgres_url)
    with newest_release(settings) as (con, newest):
        try:
            with psycopg.connect(settings.postgres_url, application_name="thongsuot") as pg:
                done, hashes = _apply(con, pg, newest, settings, compare_all, where)
            record_hashes(settings, EXPORT.name, where, hashes, newest)
            if done.rewritten:
                _vacuum(settings.postgres_url, done.details["changed tables"])
        except psycopg.Error as error:
            message = mask_secrets(str(error).replace(settings.postgres_url, where).strip())
            if isinstance(error, psycopg.errors.LockNotAvailable):
                message += describe_lockers(settings.postgres_url)
            raise PostgresError(
                f"{where}: release {newest.release_id} was not applied, the one before is still held. "
                f"PostgreSQL says: {message}"
            ) from None
    return ExportResult(where, newest, done.rewritten, done.details)


def describe_lockers(url: str) -> str:
    """Which sessions have had a transaction open for longest, and what to do; nothing where they cannot be asked."""
    try:
        with psycopg.connect(url, application_name="thongsuot", connect_timeout=5) as pg:
            sessions = pg.execute(read_sql("pipelines.exports.postgres", "open_transactions")).fetchall()
    except psycopg.Error:
        return ""
    listed = "; ".join(
        f"process {pid} ({user}, {name or 'no name'}, since {at})" for pid, user, name, at in sessions
    )
    return (
        f"\nOpen transactions, the oldest first: {listed or 'none that this user may see'}. Nothing is lost: when they "
        f"have ended, the next run brings the release."
    )


def address(url: str) -> str:
    """`postgresql://host:port/database` without user and password."""
    parts = conninfo_to_dict(url)
    host, port, database = parts.get("host", "localhost"), parts.get("port", 5432), parts.get("dbname", "")
    return f"postgresql://{host}:{port}/{database}"


def _apply(
    con: duckdb.DuckDBPyConnection,
    pg: psycopg.Connection,
    newest: Release,
    settings: Settings,
    compare_all: bool,
    where: str,
) -> tuple[ExportResult, dict[str, str]]:
    """The whole release in the connection's one transaction; `psycopg.connect` commits or rolls back.

    With it what each table holds now. A table that somebody edited since is compared row by row.
    """
    remarks = schema.prepare(pg, settings.bi_password)
    reader = {"reader": "; ".join(remarks)} if remarks else {}
    current_hash = schema.read_current_hash(pg)
    edited, recorded = find_edited_tables(pg, settings, where, current_hash)
    if edited:
        reader["edited"] = ", ".join(edited)
        LOG.warning("tables were edited in the database and are put right", tables=edited)
    chain = {release.release_hash: release for release in ledger.list_releases(con)}
    current = chain.get(current_hash) if current_hash else None
    if current_hash == newest.release_hash and recorded and not edited and not compare_all:
        return ExportResult("", newest, False, {"how": "already held", **reader}), recorded
    how = "compared in full" if compare_all or current is None else f"difference from {current.release_id}"
    rows: dict[str, int] = {}
    tables: list[str] = []
    with tempfile.TemporaryDirectory(prefix="thongsuot-") as folder, plan_without_statistics(con):
        for table in list_tables(con, settings):
            tables.append(table.qualified)
            altered = schema.ensure_table(pg, table)
            is_edited = table.qualified in edited
            unchanged = current and current.marts.get(table.qualified) == newest.marts.get(table.qualified)
            is_mart = table.qualified in newest.marts
            if unchanged and is_mart and not altered and not compare_all and not is_edited:
                continue
            is_whole = altered or compare_all or is_edited or current is None
            keys = None if is_whole or current is None else find_changed_keys(con, table, current, newest)
            moved = _replace(con, pg, table, Path(folder), keys)
            if not _same_count(con, pg, table):
                # Someone wrote here, or the feed was cut by retention: compare every row instead.
                moved += _replace(con, pg, table, Path(folder), None)
            schema.ensure_key(pg, table)
            if moved:
                rows[table.qualified] = moved
    for gone in sorted(set(current.marts if current else {}) - set(newest.marts)):
        pg.execute(schema.sql("drop table if exists {}", *gone.split(".", 1)))
    if current_hash != newest.release_hash:
        schema.note_release(pg, newest, how)
    details = {
        "how": how,
        "changed tables": list(rows),
        "rows deleted or copied": sum(rows.values()),
        **reader,
    }
    is_new = bool(rows) or current_hash != newest.release_hash
    return ExportResult("", newest, is_new, details), hash_tables(pg, tables)


def _replace(
    con: duckdb.DuckDBPyConnection,
    pg: psycopg.Connection,
    table: PublishedTable,
    folder: Path,
    keys: str | None,
) -> int:
    """Delete and copy the rows of `keys`, or of what a full compare finds; the rows moved."""
    target = (table.schema, table.name)
    if not table.key:
        pg.execute(schema.sql("delete from {}", *target))
    if not schema.has_rows(pg, table):
        return _copy_in(con, pg, f"select * from {table.relation}", folder, target)
    if keys is None:
        keys = _compared(con, pg, table, folder)
    con.execute(f"create or replace temp table touched as select distinct * from ({keys})")
    (count,) = con.execute("select count(*) from touched").fetchone() or (0,)
    if not count:
        return 0
    schema.touched_table(pg, table)
    _copy_in(con, pg, "select * from touched", folder, ("pg_temp", "touched"))
    deleted = schema.delete_touched(pg, table)
    joined = " and ".join(f"t.{duck.identifier(c)} = k.{duck.identifier(c)}" for c in table.key)
    query = f"select t.* from {table.relation} t semi join touched k on {joined}"
    return deleted + _copy_in(con, pg, query, folder, target)


def _compared(
    con: duckdb.DuckDBPyConnection, pg: psycopg.Connection, table: PublishedTable, folder: Path
) -> str:
    """The keys of every row that is in one of the two and not in the other, duplicates included."""
    file = folder / "held.csv"
    names = [column.name for column in table.columns]
    listed = ", ".join(duck.identifier(name) for name in names)
    copy = schema.sql(f"copy (select {listed} from {{}}) to stdout ({CSV})", table.schema, table.name)
    with file.open("wb") as out, pg.cursor().copy(copy) as stream:
        for block in stream:
            out.write(block)
    types = ", ".join(f"{duck.literal(c.name)}: {duck.literal(c.type)}" for c in table.columns)
    con.execute(
        f"create or replace temp table target_rows as from read_csv({duck.literal(file)}, header = false, "
        f"auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', "
        f"allow_quoted_nulls = false, columns = {{{types}}})"
    )
    keys = ", ".join(duck.identifier(column) for column in table.key)
    return (
        f"select distinct {keys} from ((select {listed} from target_rows except all select {listed} "
        f"from {table.relation}) union all (select {listed} from {table.relation} except all "
        f"select {listed} from target_rows))"
    )


def _copy_in(
    con: duckdb.DuckDBPyConnection,
    pg: psycopg.Connection,
    query: str,
    folder: Path,
    target: tuple[str, str],
) -> int:
    """DuckDB writes the CSV, PostgreSQL copies it; the columns go by name. The number of rows."""
    file = folder / "rows.csv"
    con.execute(f"copy ({query}) to {duck.literal(file)} (format csv, header false, nullstr '\\N')")
    names = [row[0] for row in con.execute(f"describe {query}").fetchall()]
    listed = ", ".join(duck.identifier(name) for name in names)
    cursor = pg.cursor()
    copy = schema.sql(f"copy {{}} ({listed}) from stdin ({CSV})", *target)
    with cursor.copy(copy) as stream, file.open("rb") as rows:
        while block := rows.read(1 << 20):
            # No text of PostgreSQL holds a NUL. Batches of older code may; newer ones have lost it while landing.
            stream.write(block.replace(b"\0", LOST.encode()))
    return cursor.rowcount


def _same_count(con: duckdb.DuckDBPyConnection, pg: psycopg.Connection, table: PublishedTable) -> bool:
    ours = con.execute(f"select count(*) from {table.relation}").fetchone()
    theirs = pg.execute(schema.sql("select count(*) from {}", table.schema, table.name)).fetchone()
    return ours == theirs


def _vacuum(url: str, changed: list[str]) -> None:
    """Deleted rows are given back and the planner learns the new sizes; outside any transaction."""
    with psycopg.connect(url, autocommit=True) as pg:
        for name in changed:
            pg.execute(schema.sql("vacuum (analyze) {}", *name.split(".", 1)))


def has_address(settings: Settings) -> bool:
    return bool(settings.postgres_url)


EXPORT = Export(
    name="postgres",
    write=load_postgres,
    kinds=frozenset({"postgres"}),
    exposure="postgresql",
    title_vi="PostgreSQL",
    title_en="PostgreSQL",
    description_vi="lược đồ `marts` và `audit` cho công cụ BI; chỉ ghi phần khác biệt của bản phát hành, "
    "trong một giao dịch.",
    description_en="The release's difference, applied in one transaction; role `bi_reader`.",
    is_possible=has_address,
)
