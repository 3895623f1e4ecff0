"""A few failing rows per rule and batch, with the value at fault: what a reader of the report looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from pipelines import duck
from pipelines.quality.expectations import RuleResult
from pipelines.quality.split import KeyedBatch, collect_texts, locate_fault
from pipelines.sources.contracts.contract import Source

SAMPLE = 5


def select_keys(failed: np.ndarray, batch: KeyedBatch) -> np.ndarray:
    """The failing keys that are this batch's."""
    return failed[np.searchsorted(failed, batch.first) : np.searchsorted(failed, batch.last, "right")]


def choose_samples(
    keyed_batches: Sequence[KeyedBatch], results: Sequence[RuleResult]
) -> list[tuple[str, str | None, str, int]]:
    """(rule, what it detects, its column, `_key`) of the first rows that fail it in each batch."""
    return [
        (result.expectation.rule, result.expectation.detects, result.expectation.column, int(key))
        for result in results
        for batch in keyed_batches
        for key in select_keys(result.failed, batch)[:SAMPLE]
    ]


def collect_samples(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    keyed_batches: Sequence[KeyedBatch],
    results: Sequence[RuleResult],
    *,
    many: bool,
) -> dict[tuple[str, int], dict[str, Any]]:
    """(rule, `_key`) → {row, key, column, value}; personal data removed. One query for the whole chunk.

    Writes what is told of single rows: tables `texts` and `rejected` (`collect_texts`).
    """
    failing = choose_samples(keyed_batches, results)
    if not failing:
        return {}
    rules = [result.expectation for result in results if len(result.failed)]
    sampled = np.unique(np.array([key for *_, key in failing], np.int64))
    quoted = collect_texts(con, source, keyed_batches, sampled, rules, many=many)
    rule, detects, column, key = zip(*failing, strict=True)
    columns = {
        "rule": rule,
        "detects": pa.array(detects, pa.string()),
        "column_name": column,
        "_key": pa.array(key, pa.int64()),
    }
    con.register("failing", pa.table(columns))
    texts = {n: f"t.{q}" for n, q in quoted.items()}
    fault = locate_fault(source, texts, "failing.detects", "failing.column_name", rules)
    value = " ".join(f"when {duck.literal(n)} then {q}" for n, q in quoted.items())
    # Materialized: else the patterns of each text stand there, and are compiled, once per use of it.
    samples = con.execute(
        f"with faults as materialized (select failing.rule, t.*, {fault} as fault from failing join texts as t "
        f"using (_key)) select rule, _key, _row, row_key, fault, case fault {value} end from faults"
    ).fetchall()
    con.unregister("failing")
    return {
        (rule, key): {"row": row, "key": row_key, "column": fault, "value": value}
        for rule, key, row, row_key, fault, value in samples
    }
