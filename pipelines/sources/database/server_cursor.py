"""Every database that DuckDB does not scan, through SQLAlchemy's server-side cursor: constant memory.

Values come as the driver's own types and become text in Python, exactly (`cells.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import sqlalchemy as sa

from pipelines import duck
from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.contracts.options.database import EPOCHS
from pipelines.sources.database.scanner import format_mysql_zone
from pipelines.sources.database.statement import CursorKind, select_origin
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.values.cells import format_value

CHUNK_ROWS = 20_000
# Dialect → the extra of this package that brings its driver.
EXTRAS = {"mysql": "mysql", "mariadb": "mysql", "oracle": "oracle", "mssql": "mssql"}


def open_engine(source: Source, url: sa.URL) -> sa.Engine:
    """PermanentSourceError where the driver or the dialect is not there, naming what to install."""
    extra = EXTRAS.get(url.get_backend_name())
    # MySQL writes TIMESTAMPs in the session's zone: the source's, as the scanner has it.
    zone = {"init_command": f"set time_zone = {duck.literal(format_mysql_zone(source.timezone))}"}
    try:
        return sa.create_engine(url, connect_args=zone if extra == "mysql" else {})
    except ModuleNotFoundError as error:
        install = f"pip install 'thongsuot[{extra}]'" if extra else f"pip install {error.name}"
        raise PermanentSourceError(
            f"{source.name}: the driver {error.name!r} of {url.drivername} is not installed. Run `{install}`."
        ) from None
    except sa.exc.NoSuchModuleError:
        raise PermanentSourceError(
            f"{source.name}: SQLAlchemy knows no database {url.drivername!r}. Correct `url` in sources.yaml."
        ) from None


def interrupt(server: sa.Connection) -> None:
    """Ends what the driver runs just now, called from another thread; drivers have one word for it or the other."""
    driver = server.connection.driver_connection
    stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
    if stop is not None:
        stop()


def describe_columns(source: Source, partition: date, server: sa.Connection) -> dict[str, CursorKind]:
    """Column → how it would tell time if it were the cursor. NoSuchTableError where there is no table."""
    if source.query is not None:
        query = (
            sa.select(sa.text("*")).select_from(select_origin(source, partition, ())).where(sa.text("1 = 0"))
        )
        return dict.fromkeys(server.execute(query).keys(), _classify_type(source, None))
    columns = sa.inspect(server).get_columns(str(source.table), schema=source.db_schema)
    return {str(column["name"]): _classify_type(source, column["type"]) for column in columns}


def _classify_type(source: Source, type_: sa.types.TypeEngine | None) -> CursorKind:
    """A query's columns have no declared type: without a `cursor_format` they are wall times."""
    if isinstance(type_, sa.DateTime) and type_.timezone:
        return "moment"
    if source.cursor_format:
        return "number" if source.cursor_format in EPOCHS else "text"
    if isinstance(type_, sa.Date):
        return "date"
    return "text" if isinstance(type_, sa.String) else "wall"


def read_chunks(
    source: Source, server: sa.Connection, statement: sa.Select, columns: Sequence[Column]
) -> Iterator[list[list[str | None]]]:
    """Columns of text, `CHUNK_ROWS` rows at a time; ValueError for bytes, naming the column."""
    result = server.execution_options(stream_results=True, yield_per=CHUNK_ROWS).execute(statement)
    for chunk in result.partitions():
        yield [
            [format_value(value, column, source.number_format) for value in values]
            for column, values in zip(columns, zip(*chunk, strict=True), strict=True)
        ]
