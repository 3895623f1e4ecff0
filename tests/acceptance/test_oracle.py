"""The demo province counted a second time: every headline mart agrees with the naive pandas of tests/oracle.

One hundredth of it on every run, the whole by `make test-full`.
"""

from __future__ import annotations

from datetime import datetime

import duckdb
import pandas as pd
import pytest

from pipelines.lake.catalogue import open_lake
from pipelines.settings import Settings
from tests.conftest import Province
from tests.oracle import agree, sources

pytestmark = pytest.mark.slow

AS_OF = datetime(2025, 8, 6, 23, 59, 59)


def test_every_headline_mart_agrees_with_its_naive_count(small_province: Province) -> None:
    hold_against_the_count(small_province.settings)


@pytest.mark.full
def test_every_headline_mart_of_the_whole_agrees_with_its_naive_count(full_province: Province) -> None:
    hold_against_the_count(full_province.settings)


def hold_against_the_count(data: Settings) -> None:
    tables = {
        source: pd.concat(
            [pd.read_parquet(path) for path in sorted(data.quality.glob(f"{source}/*/*.accepted.parquet"))],
            ignore_index=True,
        )
        for source in sources.SOURCES
    }
    tables |= {name: sources.reference(name) for name in ("assignments", "targets")}
    with open_lake(data) as con:
        for name in ("rejections", "batches"):
            tables[name] = con.execute(f"select * from lake.audit.{name}").df()
    counted = agree.count_marts(tables, sources.describe_place(AS_OF))
    with duckdb.connect(str(data.exports / "marts.duckdb"), read_only=True) as con:

        def read_mart(mart: str, columns: str, where: str) -> pd.DataFrame:
            return con.execute(f"select {columns} from {mart} where {where}").df()

        names = con.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
        assert {name for (name,) in names} == {*counted, *agree.NO_COUNT}
        assert agree.forgotten(read_mart, counted) == []
        differences = agree.differing(read_mart, counted)
    assert not differences, "\n".join(differences)
