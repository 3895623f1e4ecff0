"""Counts that a list only adds to, and that are smaller than in the delivery before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.gate.facts import PACKAGE, Fact
from pipelines.sources.contracts.canon import read_canon
from pipelines.sql import read_sql

# So many records are named; the rest is counted.
MOST_RECORDS = 3


def list_fallen_counts(
    con: duckdb.DuckDBPyConnection, source: str, item: Sequence[str], before: list[str], now: list[str]
) -> Iterator[Fact]:
    """Per column that only grows (`grows` of the contract): by which share the count fell that fell most, of the
    records in the files of both.
    """
    canonical = read_canon().sources.get(source)
    there = set(pq.read_schema(before[-1]).names) & set(pq.read_schema(now[-1]).names)
    key = duck.join_key(item)
    for column in canonical.grows if canonical else ():
        if column not in there:
            continue
        query = read_sql(PACKAGE, "fallen_counts", key=key, column=duck.identifier(column))
        falls = con.execute(query, {"before": before, "now": now}).fetchall()
        records = [f"{record}: {earlier} → {count}" for record, earlier, count, _ in falls[:MOST_RECORDS]]
        more = [f"(+{len(falls) - MOST_RECORDS})"] if len(falls) > MOST_RECORDS else []
        details = (f"{column} {', '.join([*records, *more])}",) if falls else ()
        value, weight = (float(falls[0][3]), float(falls[0][1])) if falls else (0.0, 0.0)
        yield Fact("count_fell", f"{source}: {column}", value, weight, details)
