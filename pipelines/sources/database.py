"""Databases: one day of changes as a stream, in constant memory.

SQLite and PostgreSQL go through DuckDB's scanners, every other database through a SQLAlchemy
server-side cursor. The statement is built by SQLAlchemy, so identifiers are quoted by the dialect;
personal columns are not in it at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pipelines import duck
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.mapping import Mapped, map_columns
from pipelines.sources.relation import Relation

CHUNK_ROWS = 50_000
SCANNED = {"sqlite": "sqlite_query", "postgresql": "postgres_query"}


@contextmanager
def pull(
    source: Source, partition: date, settings: Settings, con: duckdb.DuckDBPyConnection
) -> Iterator[Relation]:
    """The rows changed on `partition` (local day), in cursor order.

    SourceError where the connection fails, PermanentSourceError where table or columns are not as
    configured; neither repeats the driver's words, which may hold the address with its password.
    """
    url = make_url(source.resolved_url(settings.data))
    # Neither login nor parameters: a password may stand in either (?password=…, odbc_connect=…).
    bare = sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    shown = bare.render_as_string()
    engine = sa.create_engine(url)
    try:
        mapped = _mapped(source, partition, engine)
        statement = _statement(source, partition, mapped)
        text = str(statement.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True}))
        columns = {name: duck.identifier(name) for name in mapped.columns}
        origin = f"{shown}: {text}"
        if engine.dialect.name in SCANNED:
            _attach(con, url)
            rows = f"{SCANNED[engine.dialect.name]}('src', {duck.literal(text)})"
            yield Relation(rows, columns, origin, mapped.notes)
        else:
            with engine.connect().execution_options(stream_results=True) as server:
                con.register("incoming", _stream(server, statement, list(columns)))
                yield Relation("incoming", columns, origin, mapped.notes)
                con.unregister("incoming")
    except (SQLAlchemyError, duckdb.IOException, duckdb.HTTPException) as error:
        raise SourceError(
            f"{source.name} {partition}: reading {shown} failed ({type(error).__name__}). "
            f"Nothing was landed; the pull is tried again. Check that the database answers."
        ) from None
    finally:
        engine.dispose()


def _mapped(source: Source, partition: date, engine: sa.Engine) -> Mapped:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        raise PermanentSourceError(
            f"{source.name} {partition}: no database file {engine.url.database}. "
            f"Run `thongsuot demo` for the demo province, or correct the url in sources.yaml."
        )
    try:
        found = sa.inspect(engine).get_columns(str(source.table), schema=source.db_schema)
    except sa.exc.NoSuchTableError:
        raise PermanentSourceError(
            f"{source.name} {partition}: no table {source.table!r} in the database. "
            f"Correct `table` of {source.name} in sources.yaml."
        ) from None
    return map_columns(source, str(partition), [c["name"] for c in found])


def _statement(source: Source, partition: date, mapped: Mapped) -> sa.Select:
    cursor: sa.ColumnClause = sa.column(str(source.cursor))
    # The partition is a local day; the cursor is written in the source's own zone.
    start = datetime.combine(partition, time(), LOCAL_ZONE)
    bounds = [
        moment.astimezone(ZoneInfo(source.timezone)).replace(tzinfo=None)
        for moment in (start, start + timedelta(days=1))
    ]
    low, high = (b.strftime(source.cursor_format) if source.cursor_format else b for b in bounds)
    names = [sa.cast(sa.column(raw), sa.String).label(canonical) for canonical, raw in mapped.columns.items()]
    table = sa.table(str(source.table), schema=source.db_schema)
    return (
        sa.select(*names)
        .select_from(table)
        .where(cursor >= sa.literal(low), cursor < sa.literal(high))
        .order_by(cursor)
    )


def _attach(con: duckdb.DuckDBPyConnection, url: sa.URL) -> None:
    if url.get_backend_name() == "sqlite":
        con.execute(f"attach if not exists {duck.literal(url.database)} as src (type sqlite, read_only)")
        return
    # A secret, since ATTACH with a password in its text prints it in errors (PLATFORM).
    login = {
        "host": url.query.get("host", url.host),
        "port": url.port,
        "database": url.database,
        "user": url.username,
        "password": url.password,
    }
    given = [f"{key} {duck.literal(value)}" for key, value in login.items() if value is not None]
    con.execute(f"create or replace secret source_login (type postgres, {', '.join(given)})")
    # sslmode and the like stay in force; libpq quoting, then SQL quoting.
    others = " ".join(f"{k}={duck.literal(v)}" for k, v in url.query.items() if k != "host")
    con.execute(
        f"attach if not exists {duck.literal(others)} as src (type postgres, secret source_login, read_only)"
    )


def _stream(server: sa.Connection, statement: sa.Select, names: list[str]) -> pa.RecordBatchReader:
    schema = pa.schema([(name, pa.string()) for name in names])

    def batches() -> Iterator[pa.RecordBatch]:
        result = server.execution_options(yield_per=CHUNK_ROWS).execute(statement)
        for chunk in result.partitions():
            columns = zip(*chunk, strict=True)
            yield pa.record_batch([_texts(column) for column in columns], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _texts(values: tuple) -> pa.Array:
    return pa.array([None if v is None else str(v) for v in values], pa.string())
