"""The reference tables, as landed, against the suites `expectations/reference/<table>/suite.json`.

What a cell may hold is asked when a table is landed, all or nothing; here it is whether its rows fit
together: versions that overlap, codes that no list knows. Such a table is used all the same, and said so.
"""

from __future__ import annotations

from typing import NamedTuple

from pipelines import duck
from pipelines.quality.evaluation import evaluate_suite
from pipelines.quality.references import find_references, select_with_helpers
from pipelines.quality.suite import Expectation, read_suite
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import find_table_suite
from pipelines.sources.contracts.contract import Contracts

SAMPLE = 5


class TableResult(NamedTuple):
    """One rule on one table; `failed`: rows of the table, from 1; `batch_id`: what was validated."""

    table: str
    batch_id: str
    rule: Expectation
    rows: int
    failed: list[int]


def evaluate_tables(contracts: Contracts, settings: Settings) -> list[TableResult]:
    """A verdict for every rule of every table that was landed and has a suite."""
    landed = find_references(contracts.reference, settings.landing)
    verdicts: list[TableResult] = []
    with duck.connect(settings.extensions) as con:
        for table, batch in landed.items():
            path = find_table_suite(table)
            if path is None:
                continue
            suite = read_suite(path)
            typed = ", ".join(
                f"try_cast({duck.identifier(c.name)} as {c.sql_type}) as {duck.identifier(c.name)}"
                for c in contracts.reference[table].as_source().columns
            )
            rows = f"select _row as _key, {typed} from read_parquet({duck.literal(batch.path)})"
            con.execute(
                f"create or replace temp table table_rows as {select_with_helpers(suite, rows, landed)}"
            )
            verdicts += [
                TableResult(table, batch.batch_id, o.expectation, batch.rows, o.failed.tolist())
                for o in evaluate_suite(con, suite.rows, "table_rows", f"reference_{table}")
            ]
    return verdicts
