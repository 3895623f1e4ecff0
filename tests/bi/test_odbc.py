"""A real ODBC client (unixODBC and psqlodbc, as Excel and Power BI have on Windows) with docs/bi.md's address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pipelines.exports.postgres.export import load_postgres
from pipelines.settings import PROJECT
from tests.conftest import Province

if TYPE_CHECKING:
    import pyodbc

pytestmark = [pytest.mark.slow, pytest.mark.bi]
PAGE = (PROJECT / "docs" / "bi.md").read_text(encoding="utf-8")
PASSWORD = "odbc-doc"


@pytest.fixture(scope="module")
def excel(small_province: Province, postgres: str) -> Iterator[pyodbc.Connection]:
    """The page's own connection string, with this server's address and the account typed beside it."""
    try:
        import pyodbc
    except ImportError as error:  # the library is the system's; the other tests must still run
        pytest.fail(f"{error}: apt-get install unixodbc odbc-postgresql")
    load_postgres(replace(small_province.settings, postgres_url=postgres, bi_password=PASSWORD))
    (address,) = re.findall(r"`(Driver=\{PostgreSQL Unicode.*?)`", PAGE)
    here = conninfo_to_dict(postgres)
    for name, key in (("Server", "host"), ("Database", "dbname")):
        address, count = re.subn(rf"{name}=[^;`]*", f"{name}={here[key]}", address)
        assert count == 1, name
    address = address.replace("(x64)", "")  # so named on Windows alone
    with pyodbc.connect(f"{address};Uid=bi_reader;Pwd={PASSWORD}", autocommit=True) as con:
        yield con


def test_the_marts_are_listed_and_say_the_same_as_through_the_database_s_own_driver(
    excel: pyodbc.Connection, postgres: str
) -> None:
    listed = {table.table_name for table in excel.cursor().tables(schema="marts")}
    assert {"online_submission_headline", "task_ledger", "issue_backlog", "releases"} <= listed
    with psycopg.connect(postgres) as pg:
        for query in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL):
            through_odbc = [tuple(row) for row in excel.execute(query).fetchall()]
            through_libpq = pg.execute(query.encode()).fetchall()
            assert [[*map(plain, row)] for row in through_odbc] == [
                [*map(plain, row)] for row in through_libpq
            ], query


def plain(value: object) -> object:
    """ODBC knows no time zone: it tells a moment as the session's clock shows it."""
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


def test_nothing_can_be_written(excel: pyodbc.Connection) -> None:
    import pyodbc

    excel.execute("set default_transaction_read_only = off")  # anyone may; the grants must hold
    for forbidden in (
        "insert into marts.releases select * from marts.releases",
        "update marts.online_submission_headline set rate = 1",
        "delete from marts.task_ledger",
        "truncate marts.task_ledger",
        "drop table marts.task_ledger",
        "create table marts.mine (x int)",
        "create temp table mine (x int)",
    ):
        with pytest.raises(pyodbc.Error) as refused:
            excel.execute(forbidden)
        assert refused.value.args[0] == "42501", forbidden
