"""Reading what lies in the catalogue's file: every value as it is, and nobody's lock taken away."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from pipelines.lake import catalogue, catalogue_rows
from pipelines.lake.states import read_state
from pipelines.settings import Settings

EMPTY_THE_LOG = """
import sqlite3, sys
con = sqlite3.connect(sys.argv[1])
con.execute("create table other (a)"); con.commit()
print(con.execute("pragma wal_checkpoint(truncate)").fetchone()[0])
"""


@pytest.fixture
def lake(settings: Settings) -> Settings:
    with catalogue.open_lake(settings, read_only=False) as con:
        catalogue.initialise_lake(con)
    return settings


def test_whoever_reads_keeps_what_they_read_until_the_end_of_the_transaction(lake: Settings) -> None:
    """SQLite's locks are the process's: a second SQLite in it, closing the file, would take the first one's away."""
    command = [sys.executable, "-c", EMPTY_THE_LOG, str(catalogue.catalog_file(lake))]
    with catalogue.open_lake(lake) as con:
        con.execute("begin")
        assert catalogue.find_newest_snapshot(con) == 1
        read_state(con, 1)
        catalogue_rows.list_catalogue_objects(con)
        is_busy = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert is_busy == "1"
        con.execute("rollback")
    assert (
        subprocess.run(
            [*command[:2], EMPTY_THE_LOG.replace("other", "more"), command[3]],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        == "0"
    )


def test_every_value_comes_as_it_lies_in_the_file(lake: Settings) -> None:
    values = (None, -7, 2**62, 0.1, 1e300, "", "Đề, án: 'một'", b"", b"\x00\xff", "a\x1b")
    with closing(sqlite3.connect(catalogue.catalog_file(lake))) as file:
        file.execute("create table odd (a)")
        file.executemany("insert into odd values (?)", [(value,) for value in values])
        file.execute("insert into odd values (cast(x'c328' as text))")  # text that is no UTF-8
        file.commit()
    with catalogue.open_lake(lake) as con:
        rows = catalogue_rows.query_catalogue(con, ("a", "rowid"), "from odd")
    assert [value for value, _ in sorted(rows, key=lambda row: str(row[1]).zfill(3))] == [*values, "\udcc3("]
