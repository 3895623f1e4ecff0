"""A few failing rows per rule and batch, with the value at fault: what a reader of the report looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pipelines import duck
from pipelines.quality.expectations import RuleResult
from pipelines.quality.split import KeyedBatch, locate_fault, select_texts
from pipelines.sources.contracts.contract import Source

SAMPLE = 5


def within(failed: np.ndarray, placed: KeyedBatch) -> np.ndarray:
    """The failing keys that are this batch's."""
    return failed[np.searchsorted(failed, placed.first) : np.searchsorted(failed, placed.last, "right")]


def collect_samples(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    placed: Sequence[KeyedBatch],
    results: Sequence[RuleResult],
) -> dict[tuple[str, int], dict[str, Any]]:
    """(rule, `_key`) → {row, key, column, value}; personal data removed. One query for the whole chunk."""
    wanted = [
        (o.expectation.rule, o.expectation.column, int(key))
        for o in results
        for p in placed
        for key in within(o.failed, p)[:SAMPLE]
    ]
    if not wanted:
        return {}
    rule, column, key = zip(*wanted, strict=True)
    con.register("wanted", pa.table({"rule": rule, "column_name": column, "_key": pa.array(key, pa.int64())}))
    rows, quoted = select_texts(source, placed, "select _key from wanted")
    fault = locate_fault(source, {n: f"t.{q}" for n, q in quoted.items()}, "w.rule", "w.column_name")
    value = " ".join(f"when {duck.literal(n)} then t.{q}" for n, q in quoted.items())
    found = con.execute(
        f"select w.rule, w._key, t._row, t.row_key, {fault} as fault, case fault {value} end "
        f"from wanted w join ({rows}) t using (_key)"
    ).fetchall()
    con.unregister("wanted")
    return {
        (rule, key): {"row": row, "key": row_key, "column": fault, "value": value}
        for rule, key, row, row_key, fault, value in found
    }
