"""The reference tables, as landed, against the suites `expectations/reference/<table>/suite.json`.

What a cell may hold is asked when a table is landed, all or nothing; here it is whether its rows fit
together: versions that overlap, codes that no list knows. Such a table is used all the same, and said so.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from pipelines import duck
from pipelines.landing.batches import Batch, write_json
from pipelines.quality.evaluation import evaluate_suite
from pipelines.quality.references import find_references, select_with_helpers
from pipelines.quality.suite import FORMAT, Expectation, Suite, read_suite
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import find_table_suite
from pipelines.sources.contracts.contract import Contracts

SAMPLE = 5
FILE = "reference_tables.json"
# table → rule → the rows that break it.
Failed = dict[str, dict[str, list[int]]]


class TableResult(NamedTuple):
    """One rule on one table; `failed`: rows of the table, from 1; `batch_id`: what was validated."""

    table: str
    batch_id: str
    rule: Expectation
    rows: int
    failed: list[int]


def evaluate_tables(contracts: Contracts, settings: Settings) -> list[TableResult]:
    """A verdict for every rule of every table that was landed and has a suite.

    Kept until a table or a suite is another one: a night with nothing new need not load Great Expectations.
    """
    landed = find_references(contracts.reference, settings.landing)
    paths = {table: path for table in landed if (path := find_table_suite(table))}
    digest = hashlib.sha256(FORMAT + contracts.model_dump_json(include={"reference"}).encode())
    digest.update(str(list(landed.values())).encode())
    for path in paths.values():
        digest.update(path.read_bytes())
    file, key = settings.quality / FILE, digest.hexdigest()
    failed = _read_failed(file, key)
    suites = {table: read_suite(path) for table, path in paths.items()}
    if failed is None:
        failed = _evaluate(contracts, settings, suites, landed)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"key": key, "failed": failed})
    return [
        TableResult(table, landed[table].batch_id, rule, landed[table].rows, failed[table][rule.rule])
        for table, suite in suites.items()
        for rule in suite.rows
    ]


def _read_failed(file: Path, key: str) -> Failed | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return content["failed"] if content["key"] == key else None
    except (OSError, ValueError, KeyError):
        return None


def _evaluate(
    contracts: Contracts, settings: Settings, suites: dict[str, Suite], landed: dict[str, Batch]
) -> Failed:
    failed: Failed = {}
    with duck.connect(settings.extensions) as con:
        for table, suite in suites.items():
            typed = ", ".join(
                f"try_cast({duck.identifier(c.name)} as {c.sql_type}) as {duck.identifier(c.name)}"
                for c in contracts.reference[table].as_source().columns
            )
            rows = f"select _row as _key, {typed} from read_parquet({duck.literal(landed[table].path)})"
            con.execute(
                f"create or replace temp table table_rows as {select_with_helpers(suite, rows, landed)}"
            )
            results = evaluate_suite(con, suite.rows, "table_rows", f"reference_{table}")
            failed[table] = {result.expectation.rule: result.failed.tolist() for result in results}
    return failed
