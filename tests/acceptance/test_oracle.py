"""The whole demo province counted a second time: every headline mart agrees with the naive pandas of tests/oracle."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pandas as pd
import pytest

from pipelines.lake.catalogue import open_lake
from tests.conftest import Province
from tests.oracle import agree, sources

pytestmark = pytest.mark.slow

AS_OF = datetime(2025, 8, 6, 23, 59, 59)


def test_every_headline_mart_agrees_with_its_naive_count(full_province: Province) -> None:
    data = full_province.settings
    tables = {
        source: pd.concat(
            [pd.read_parquet(path) for path in sorted(data.quality.glob(f"{source}/*/*.accepted.parquet"))],
            ignore_index=True,
        )
        for source in ("dossier_log", "task_tracker", "issue_register", "national_ranking")
    }
    tables |= {name: sources.reference(name) for name in ("assignments", "targets")}
    with open_lake(data) as con:
        for name in ("rejections", "batches"):
            tables[name] = con.execute(f"select * from lake.audit.{name}").df()
    with duckdb.connect(str(data.exports / "marts.duckdb"), read_only=True) as con:
        found = agree.all_marts(
            lambda mart, columns, where: con.execute(f"select {columns} from {mart} where {where}").df(),
            tables,
            sources.place(AS_OF),
        )
    assert not found, "\n".join(found)
