"""Codes of units that a delivery has and the place's list of units has not, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import duckdb
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.gate.deliveries import Delivery
from pipelines.gate.facts import Fact
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts


def list_unlisted_units(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    settings: Settings,
    deliveries: Iterable[Delivery],
    units: str,
) -> Iterator[Fact]:
    """Of the deliveries that are examined; `units`: the relation of the list, with `unit_code`.

    A share of all rows says nothing where one of 130 units is called otherwise from today.
    """
    for name, group in groupby(deliveries, key=lambda delivery: delivery.source):
        there = [d for d in group if d.is_examined and d.rows and d.find_accepted(settings).exists()]
        files = [d.find_accepted(settings) for d in there]
        columns = [
            column
            for column in contracts.sources[name].unit
            if files and column in pq.read_schema(files[-1]).names
        ]
        for column in columns:
            code = duck.identifier(column)
            rows = con.execute(
                f"select {code}, count(*) from read_parquet(?, union_by_name = true) where {code} is not null "
                f"and {code} not in (select unit_code from {units}) group by all order by all",
                [[str(file) for file in files]],
            ).fetchall()
            days = (there[-1].partition,)
            for unit, count in rows:
                yield Fact(
                    "codes_unlisted",
                    f"{name}: {column} {unit}",
                    1.0,
                    float(count),
                    (f"{unit} ({count})",),
                    days=days,
                )
