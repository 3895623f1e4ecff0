"""What a mart lets out of the house: declared counts, and columns that stay inside."""

from __future__ import annotations

import duckdb
import pytest

from pipelines.releases.exports.common import Column, Table
from pipelines.releases.exports.open_tables import OpenDataError, lay_out, opened

COLUMNS = (Column("unit_code", "VARCHAR"), Column("received", "BIGINT"), Column("late_arrivals", "BIGINT"))


def mart(**said: object) -> Table:
    return Table("marts", "rate", COLUMNS, ("unit_code",), meta={"open_data": said})


def test_a_count_that_is_not_declared_stops_the_export() -> None:
    with pytest.raises(OpenDataError, match="counts in late_arrivals"):
        opened(mart(counts=["received"]))


def test_an_omitted_column_stays_inside_and_withholds_nothing() -> None:
    table = mart(counts=["received"], omit=["late_arrivals"])
    said = opened(table)
    assert said is not None
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.marts")
        con.execute(
            "create table lake.marts.rate as select 'U' as unit_code, 70 as received, 1 as late_arrivals"
        )
        public, withheld = lay_out(con, table, said)
        assert con.execute("from open_data").fetchall() == [("U", 70, False)]
    assert ([c.name for c in public.columns], withheld) == (["unit_code", "received", "is_withheld"], 0)
