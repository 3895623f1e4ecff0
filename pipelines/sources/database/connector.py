"""Databases: one day of changes, or the whole table as it stands, as a stream in constant memory.

SQLite, PostgreSQL and MySQL/MariaDB go through DuckDB's scanners (`scanner.py`), every other database
through a server-side cursor (`server_cursor.py`). Personal columns are not in the statement at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from pipelines import duck
from pipelines.file_holders import LOCKED, describe_holders
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.database import scanner, server_cursor
from pipelines.sources.database.deadline import PullDeadline, require_end
from pipelines.sources.database.statement import CursorKind, asks_for_day, build_statement, select_origin
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.mapping import ColumnMapping, map_columns
from pipelines.sources.relation import Relation, refuse_the_past, register_chunks
from pipelines.sources.values.number_formats import INEXACT

# What servers say when another try cannot help. Their words are read, never repeated: they may hold the
# address with its password. A server that speaks another language is tried again, and fails then.
REFUSED_LOGIN = "authentication failed|no password supplied|pg_hba|access denied|login failed|ora-01017"
NO_DATABASE = "unknown database|database .* does not exist|cannot open database"
NO_TABLE = "no such table|relation .* does not exist|table .* doesn't exist|invalid object name|ora-00942"
REFUSED = (
    "does not exist|no such|unknown column|invalid column|syntax error|permission denied|ora-00904|"
    "command denied|no permission|not allowed|invalid input syntax|unknown or incorrect time zone"
)
# What SQLite says of a file that another read will not mend.
DAMAGED = "not a database|malformed"
# Ours or the machine's, not the source's: their first line is passed on.
OURS = "no space left|could not write|out of memory|failed to allocate"


class DatabasePull(NamedTuple):
    """One question to a database; `address`: the url without login and parameters, for people."""

    source: Source
    partition: date
    url: sa.URL
    address: str
    con: duckdb.DuckDBPyConnection
    deadline: PullDeadline


@contextmanager
def pull(
    source: Source,
    partition: date,
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    *,
    validator: str = "",
    leave_out: Collection[str] = (),
) -> Iterator[Relation]:
    """The rows changed on `partition` (local day), or all rows of a snapshot of today or yesterday.

    SourceError where the connection fails, PermanentSourceError where login, table or columns are not
    as configured; neither repeats the driver's words. `validator` is not asked: no database has one.
    """
    if source.partitioning != "change_day" and not source.cursor and not asks_for_day(source):
        refuse_the_past(source, partition)
    url = _read_address(source, partition, settings)
    # Neither login nor parameters: a password may stand in either (?password=…, odbc_connect=…).
    bare = sa.URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    address = bare.render_as_string()
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise PermanentSourceError(
            f"{source.name} {partition}: no database file {url.database}. "
            f"Run `thongsuot demo` for the demo's own sources, or correct the url in sources.yaml."
        )
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).stat().st_size:
        raise PermanentSourceError(
            f"{source.name} {partition}: the database file {url.database} is empty: 0 bytes. Nothing was landed. "
            f"Copy it again from the source, or correct the url in sources.yaml."
        )
    read = (
        _read_scanned
        if source.scanner and url.get_backend_name() in scanner.DIALECTS
        else _read_through_cursor
    )
    with PullDeadline(source.pull_seconds, url, con.interrupt) as deadline:
        try:
            with read(DatabasePull(source, partition, url, address, con, deadline)) as relation:
                yield relation
        except Exception as error:
            # What broke once everything had been stopped is late, and nothing else.
            if deadline.is_over:
                raise _make_late_error(source, partition, address) from None
            if isinstance(error, duckdb.OutOfMemoryException):
                raise  # whoever pulls tells it of every kind of source
            if isinstance(error, (SQLAlchemyError, duckdb.Error, ValueError)):
                raise _describe_failure(source, partition, address, error) from None
            raise


def expects_delivery(source: Source, partition: date, settings: Settings) -> bool:
    """A database is asked for every day."""
    return True


def find_newest_delivery(source: Source, settings: Settings) -> date | None:
    """None: what a database has is known only by asking it."""
    return None


def _read_address(source: Source, partition: date, settings: Settings) -> sa.URL:
    """PermanentSourceError where it is none; an @ too many would make a password part of the host."""
    try:
        url = make_url(source.resolved_url(settings.data))
        if "@" not in (url.host or ""):
            return url
    except (sa.exc.ArgumentError, ValueError):
        pass
    raise PermanentSourceError(
        f"{source.name} {partition}: `url` in sources.yaml is no database address such as "
        "postgresql://user:${PASSWORD}@host:5432/database. Let the password stand in the environment: "
        "there it needs no encoding."
    )


def _make_late_error(source: Source, partition: date, address: str) -> PermanentSourceError:
    return PermanentSourceError(
        f"{source.name} {partition}: {address} had not given its last row after {source.pull_seconds:g} seconds. "
        f"Nothing was landed. Ask the database's owner whether the statement waits or never ends, read less of it in a "
        f"`query`, or raise `pull_seconds` of {source.name} in sources.yaml."
    )


@contextmanager
def _read_scanned(request: DatabasePull) -> Iterator[Relation]:
    source, partition, url, address, con, deadline = request
    database = scanner.attach_database(con, source, url)
    try:
        whole = sa.select(sa.text("*")).select_from(select_origin(source, partition, ()))
        kinds = scanner.describe_columns(con, database, whole)
        mapped, kind = _map_names(source, partition, kinds), None
        if source.cursor:
            kind = scanner.classify_cursor(source, database, kinds[_find_cursor(source, partition, kinds)])
        by_name = {column.name: column for column in source.columns}
        selected = {
            name: scanner.select_at_server(database, raw, kinds[raw], by_name[name], source.number_format)
            for name, raw in mapped.columns.items()
        }
        table = scanner.find_whole_table(
            con, database, source, [kinds[raw] for raw in mapped.columns.values()]
        )
        ends_by_itself = database.backend != "sqlite" or scanner.is_plain_table(con, database, source)
        expressions = {
            name: scanner.text_sql(database, raw, raw if table else name, kinds[raw], by_name[name], source)
            for name, raw in mapped.columns.items()
        }

        def write_statement(day: date) -> str:
            text = database.text(_build_statement(source, day, kinds, selected, kind, database.backend))
            if not ends_by_itself:
                require_end(url, text, deadline)
            return text

        def read_days(days: Sequence[date]) -> tuple[Relation, list[str]]:
            texts = list(map(write_statement, days))
            origins = [f"{address}: {text}" for text in texts]
            return Relation(database.rows_of_days(texts), expressions, "", mapped.notes), origins

        text = write_statement(partition)
        relation = Relation(table or database.rows(text), expressions, f"{address}: {text}", mapped.notes)
        # A server of the MySQL family streams one answer per connection.
        may_share = database.backend != "mysql" and (source.cursor or asks_for_day(source))
        yield relation._replace(of_days=read_days if may_share else None)
    except BaseException:
        scanner.detach_database(con, database)
        raise


@contextmanager
def _read_through_cursor(request: DatabasePull) -> Iterator[Relation]:
    source, partition, url, address, con, deadline = request
    engine = server_cursor.open_engine(source, url)
    try:
        with engine.connect() as server:
            deadline.add_stop(partial(server_cursor.interrupt, server))
            kinds = server_cursor.describe_columns(source, partition, server)
            mapped, kind = _map_names(source, partition, kinds), None
            if source.cursor:
                kind = kinds[_find_cursor(source, partition, kinds)]
            selected: dict[str, sa.ColumnElement] = {n: sa.column(raw) for n, raw in mapped.columns.items()}
            query = _build_statement(source, partition, kinds, selected, kind, engine.dialect.name)
            text = str(query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True}))
            columns = [c for c in source.columns if c.name in selected]
            query = query.with_only_columns(*(selected[c.name].label(c.name) for c in columns))
            chunks = server_cursor.read_chunks(source, server, query, columns)
            with register_chunks(con, [c.name for c in columns], chunks) as rows:
                expressions = {name: duck.identifier(name) for name in mapped.columns}
                # The drivers' own style doubles percent signs; people read them as they are.
                yield Relation(rows, expressions, f"{address}: {text.replace('%%', '%')}", mapped.notes)
    finally:
        engine.dispose()


def _build_statement(
    source: Source,
    partition: date,
    names: Iterable[str],
    selected: dict[str, sa.ColumnElement],
    kind: CursorKind | None,
    dialect: str,
) -> sa.Select:
    if kind == "text" and not source.cursor_format:
        raise PermanentSourceError(
            f"{source.name} {partition}: the cursor {source.cursor!r} is text. Say in `cursor_format` of "
            f'{source.name} how it is written, e.g. "%Y-%m-%d %H:%M:%S".'
        )
    origin = select_origin(source, partition, tuple(names))
    return build_statement(source, partition, origin, selected, kind, dialect)


def _map_names(source: Source, partition: date, names: Iterable[str]) -> ColumnMapping:
    return map_columns(source, str(partition), list(names))


def _find_cursor(source: Source, partition: date, names: Iterable[str]) -> str:
    """The cursor as the database spells it; PermanentSourceError with the nearest column."""
    for name in names:
        if name.casefold() == str(source.cursor).casefold():
            return name
    raise PermanentSourceError(
        f"{source.name} {partition}: there is no column {source.cursor!r} to read the day's changes by"
        f"{suggest_nearest(source.cursor, names)} Correct `cursor` of {source.name} in sources.yaml."
    )


def _describe_failure(source: Source, partition: date, address: str, error: Exception) -> Exception:
    """The failure in our own words: which source and day, what is wrong, what to do."""
    if isinstance(error, SourceError):
        return error
    message = str(getattr(error, "orig", None) or error).casefold()
    at = f"{source.name} {partition}: "
    if re.search(OURS, message) and isinstance(error, duckdb.Error):
        reason = str(error).partition("\n")[0]
        return SourceError(f"{at}this machine could not take what came ({reason}). Nothing was landed.")
    what = f"`query` of {source.name}" if source.query else f"`table` of {source.name}"
    if isinstance(error, sa.exc.NoSuchTableError) or re.search(NO_TABLE, message):
        name = "table of the query" if source.query else f"table {source.table!r}"
        return PermanentSourceError(f"{at}no {name} in the database. Correct {what} in sources.yaml.")
    if isinstance(error, ValueError) and not isinstance(error, SQLAlchemyError):
        return PermanentSourceError(f"{at}{error}. Nothing was landed.")
    if isinstance(error, duckdb.InvalidInputException) and INEXACT in str(error):
        return PermanentSourceError(f"{at}{str(error).partition(': ')[2]}. Nothing was landed.")
    is_ours = scanner.NOT_UTF8 in str(error)
    if isinstance(error, duckdb.InvalidInputException) and (is_ours or "unicode" in message):
        what_is_wrong = (
            str(error).partition(": ")[2] if is_ours else f"a column of {address} {scanner.NOT_UTF8}"
        )
        return PermanentSourceError(
            f"{at}{what_is_wrong}. Nothing was landed. Have it corrected at the source, leave the column out, "
            f"or turn it into text in a `query`."
        )
    if address.startswith("sqlite") and re.search(DAMAGED, message):
        return PermanentSourceError(
            f"{at}{address} is no SQLite database, or a damaged one. Nothing was landed. "
            f"Copy the file again while nobody writes to it, or correct `url` in sources.yaml."
        )
    if address.startswith("sqlite") and LOCKED.search(message):
        file = Path(str(sa.engine.make_url(address).database))
        return SourceError(
            f"{at}{describe_holders([file])} Nothing was landed; the pull is tried again as a whole. Where it "
            f"stays so, have that program closed, or read a copy of the file."
        )
    if re.search(REFUSED_LOGIN, message):
        return PermanentSourceError(
            f"{at}{address} refused the login. Nothing was landed. Check user and password of the url "
            f"(the environment variables that sources.yaml names) and what that user may read."
        )
    if re.search(NO_DATABASE, message):
        return PermanentSourceError(
            f"{at}{address} is no database of that server. Correct `url` in sources.yaml."
        )
    if isinstance(error, sa.exc.ProgrammingError) or re.search(REFUSED, message):
        return PermanentSourceError(
            f"{at}{address} refuses the statement ({type(error).__name__}). Nothing was landed. "
            f"Correct {what}, its `cursor` or the rights of the user; "
            f"`thongsuot sources check {source.name}` tries it."
        )
    return SourceError(
        f"{at}reading {address} failed ({type(error).__name__}). Nothing was landed; the pull is tried "
        f"again as a whole. Check that the database answers."
    )
