"""Databases that DuckDB scans: SQLite, PostgreSQL, MySQL/MariaDB, with no driver and no copy in Python.

What a server would round or write in its own way is cast there; everything else crosses in binary and
becomes text here. Logins are DuckDB secrets, since ATTACH repeats what stands in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from pipelines import duck
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.database.statement import CursorKind
from pipelines.sources.values.cells import DECIMAL_MARK, NUMERIC
from pipelines.sources.values.number_formats import DIGITS_KEPT, INEXACT

DIALECTS: dict[str, Callable[..., sa.Dialect]] = {
    "sqlite": sqlite.dialect,
    "postgresql": postgresql.dialect,
    "mysql": mysql.dialect,
    "mariadb": mysql.dialect,
}
# Cross in binary exactly as they are; whatever is not here is cast to text by the server.
EXACT = {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "VARCHAR", "DATE", "TIMESTAMP"}
ZONED = "TIMESTAMP WITH TIME ZONE"
FLOATS = {"DOUBLE", "FLOAT"}
NOT_UTF8 = "holds bytes that are not UTF-8 text"


class ScannedDatabase(NamedTuple):
    """An attached database: its alias in the connection, and its dialect, which needs no driver."""

    alias: str
    backend: str
    dialect: sa.Dialect

    def rows(self, statement: str) -> str:
        """What stands after FROM: the server runs the statement, DuckDB streams its answer."""
        function = {"sqlite": "sqlite_query", "postgresql": "postgres_query"}.get(self.backend, "mysql_query")
        streamed = ", stream_results = true" if function == "mysql_query" else ""
        return f"{function}('{self.alias}', {duck.literal(statement)}{streamed})"

    def rows_of_days(self, statements: Sequence[str]) -> str:
        """The same of one statement per day; `_day` counts them from 0, and the days stand one after the other.

        SQLite is asked once: DuckDB would open the file for each, and compile the patterns of what is done with its
        rows. A server may answer such a question in any order.
        """
        if self.backend == "sqlite":
            days = (f"select {n} as _day, * from ({text})" for n, text in enumerate(statements))
            return f"(select * replace (_day::integer as _day) from {self.rows(' union all '.join(days))})"
        days = (f"select {n} as _day, * from {self.rows(text)}" for n, text in enumerate(statements))
        return f"({' union all '.join(days)})"

    def text(self, statement: sa.Select) -> str:
        return str(statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))


def attach_database(con: duckdb.DuckDBPyConnection, source: Source, url: sa.URL) -> ScannedDatabase:
    """Attach once per connection and address; duckdb.Error where the server does not let us in."""
    backend_name = url.get_backend_name()
    backend = "mysql" if backend_name == "mariadb" else backend_name
    # `named`, since the drivers' own style doubles every percent sign in the text.
    dialect = DIALECTS[backend_name](paramstyle="named")
    # A changed address or zone is another database.
    digest = hashlib.sha256(f"{url.render_as_string(hide_password=False)} {source.timezone}".encode())
    alias = f"source_{digest.hexdigest()[:12]}"
    if con.execute("select 1 from duckdb_databases() where database_name = ?", [alias]).fetchone():
        return ScannedDatabase(alias, backend, dialect)
    if backend == "sqlite":
        duck.load_signed(con, "sqlite_scanner")
        con.execute(f"attach {duck.literal(url.database)} as {alias} (type sqlite, read_only)")
        return ScannedDatabase(alias, backend, dialect)
    kind = "postgres" if backend == "postgresql" else backend
    host = url.query.get("host", url.host) or ("127.0.0.1" if backend == "mysql" else None)
    login = {
        "host": host, "port": url.port, "database": url.database,
        "user": url.username, "password": url.password,
    }  # fmt: skip
    if backend == "mysql":
        con.execute("load mysql_scanner")
        con.execute(f"set mysql_session_time_zone = {duck.literal(format_mysql_zone(source.timezone))}")
        con.execute("set mysql_query_timeout_enabled = false")
        login["socket"] = url.query.get("unix_socket")
    elif "password" in url.query:
        login["password"] = url.query["password"]
    secrets = [f"{k} {duck.literal(v)}" for k, v in login.items() if v is not None]
    con.execute(f"create or replace secret {alias} (type {kind}, {', '.join(secrets)})")
    # sslmode, connect_timeout and the like stay in force.
    options = {k: v for k, v in url.query.items() if k not in ("host", "password", "unix_socket", "charset")}
    others = " ".join(f"{k}={duck.literal(v)}" for k, v in options.items())
    con.execute(f"attach {duck.literal(others)} as {alias} (type {kind}, secret {alias}, read_only)")
    return ScannedDatabase(alias, backend, dialect)


def detach_database(con: duckdb.DuckDBPyConnection, scanned: ScannedDatabase) -> None:
    """After a failure: the next pull on this connection logs in afresh."""
    with suppress(duckdb.Error):
        con.execute(f"detach database if exists {scanned.alias}")


def format_mysql_zone(zone: str) -> str:
    """The zone of a MySQL session, in which it writes TIMESTAMPs: the source's, as for its wall times."""
    moments = (datetime(datetime.now().year, month, 1, tzinfo=ZoneInfo(zone)) for month in (1, 7))
    offsets = {moment.strftime("%z") for moment in moments}
    if len(offsets) > 1:  # a zone with summer time: the server must know its name
        return zone
    offset = offsets.pop()
    return f"{offset[:3]}:{offset[3:]}"


def describe_columns(
    con: duckdb.DuckDBPyConnection, scanned: ScannedDatabase, statement: sa.Select
) -> dict[str, str]:
    """Column → DuckDB type of a statement, which the server prepares but does not run."""
    described = con.execute(f"describe from {scanned.rows(scanned.text(statement))}").fetchall()
    return {str(name): str(kind) for name, kind, *_ in described}


def classify_cursor(source: Source, scanned: ScannedDatabase, kind: str) -> CursorKind:
    """Native types speak for themselves; text and numbers are written as `cursor_format` says."""
    if kind == "DATE":
        return "date"
    if kind == ZONED:
        return "moment"
    if kind == "TIMESTAMP" and scanned.backend != "sqlite":
        return "wall"
    return "number" if source.cursor_format in ("epoch", "epoch_ms") else "text"


def select_at_server(
    scanned: ScannedDatabase, raw: str, kind: str, column: Column, number_format: str = "vi"
) -> sa.ColumnElement[Any]:
    """The column as the server shall send it."""
    name: sa.ColumnClause = sa.column(raw)
    if scanned.backend == "sqlite":
        # SQLite's cells have types of their own: a number kept as REAL would come as `2.0` or `1.234`.
        if column.type not in NUMERIC:
            return name
        real, whole = sa.func.typeof(name) == "real", sa.cast(name, sa.Integer)
        broken = sa.func.replace(sa.cast(name, sa.Text), ".", DECIMAL_MARK[number_format])
        return sa.case((sa.and_(real, name == whole), sa.cast(whole, sa.Text)), (real, broken), else_=name)
    if kind in EXACT and not (scanned.backend == "mysql" and kind in ("BOOLEAN", "TIMESTAMP", "DATE")):
        return name
    if kind == ZONED:
        return name
    if scanned.backend == "mysql":
        # TINYINT(1) and BIT(1) come as booleans, and may hold 2; zero dates come as they are written.
        return sa.cast(name + sa.literal_column("0") if kind == "BOOLEAN" else name, sa.CHAR)
    return sa.cast(name, sa.Text)


def is_plain_table(con: duckdb.DuckDBPyConnection, scanned: ScannedDatabase, source: Source) -> bool:
    """Whether rows lie in a file as they are, so that reading them ends: no query, no view."""
    if source.query is not None:
        return False
    row = con.execute(
        "select 1 from duckdb_tables() where database_name = ? and lower(table_name) = lower(?)",
        [scanned.alias, source.table],
    ).fetchone()
    return row is not None


def find_whole_table(
    con: duckdb.DuckDBPyConnection, scanned: ScannedDatabase, source: Source, kinds: list[str]
) -> str | None:
    """A whole table that DuckDB may read in parallel, in one snapshot; None where the server must cast.

    Only PostgreSQL: a query is one stream, while DuckDB divides a table's pages among its threads.
    """
    exact = all(kind in EXACT or kind == ZONED or kind.startswith("DECIMAL") for kind in kinds)
    if scanned.backend != "postgresql" or source.query or source.cursor or not exact:
        return None
    table = duck.identifier(scanned.alias, source.db_schema or "public", str(source.table))
    try:
        con.execute(f"describe from {table}")
    except duckdb.Error:  # a schema of the user's own search path
        return None
    return table


def text_sql(scanned: ScannedDatabase, raw: str, name: str, kind: str, column: Column, source: Source) -> str:
    """SQL over what the server sent, `name`: text that typing reads back exactly (see `cells.py`)."""
    if kind == "BLOB":
        raise ValueError(
            f"column {raw!r} holds bytes, not text. Leave it out, or turn it into text in a `query`"
        )
    sent = duck.identifier(name)
    if kind == ZONED:
        return f"cast({sent} at time zone 'UTC' as varchar) || '+00:00'"
    if scanned.backend == "mysql" and kind == "TIMESTAMP":
        return _without_zeros(sent)
    if kind in FLOATS or kind.startswith("DECIMAL"):
        text = _without_exponent(sent) if kind in FLOATS else f"cast({sent} as varchar)"
        if column.type not in NUMERIC:
            return _refuse_lost_digits(sent, text, column) if kind in FLOATS else text
        mark = duck.literal("\\1" + DECIMAL_MARK[source.number_format])
        return f"regexp_replace({_without_zeros(text)}, '^([+-]?\\d+)\\.', {mark})"
    if kind in EXACT and kind != "VARCHAR":
        return f"cast({sent} as varchar)"
    # SQLite keeps as text whatever a program wrote, PostgreSQL in a database of SQL_ASCII; neither the scanner
    # nor Parquet looks.
    return _refuse_other_bytes(sent if kind == "VARCHAR" else f"cast({sent} as varchar)", raw)


def _refuse_lost_digits(sent: str, text: str, column: Column) -> str:
    """A code kept as a floating-point number has lost its digits beyond the fifteenth: the pull stops."""
    reason = duck.literal(f"column {column.name!r} holds {INEXACT}")
    return (
        f"case when abs(try_cast({sent} as double)) >= 1e{DIGITS_KEPT} then error({reason}) else {text} end"
    )


def _refuse_other_bytes(sent: str, raw: str) -> str:
    reason = duck.literal(f"column {raw!r} {NOT_UTF8}")
    return f"coalesce(try(decode(encode({sent}))), case when {sent} is not null then error({reason}) end)"


def _without_zeros(text: str) -> str:
    """`12.50` → `12.5`, `12.00` → `12`."""
    return f"regexp_replace(regexp_replace({text}, '(\\.\\d*[1-9])0+$', '\\1'), '\\.0+$', '')"


def _without_exponent(text: str) -> str:
    """`1e+20`, `1e-07` in plain digits; what is too long for 38 of them stays as it came."""
    small = _without_zeros(f"cast(try_cast({text} as decimal(38, 22)) as varchar)")
    large = f"cast(try_cast({text} as decimal(38, 0)) as varchar)"
    return (
        f"case when contains({text}, 'e-') then coalesce({small}, {text}) "
        f"when contains({text}, 'e') then coalesce({large}, {text}) else {text} end"
    )
