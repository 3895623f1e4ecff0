"""Landed batches → accepted | rejected rows and a report each (promise 3: read = accepted + rejected).

Several batches share one Great Expectations call: 67 days of 20 000 rows cost two calls, not 67.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from pipelines import duck
from pipelines.landing.batches import LandedBatch, intact
from pipelines.quality.expectations import Outcome, run_suite
from pipelines.quality.reconcile import reconcile
from pipelines.quality.reports import Report, folder_of, read_report, write_report
from pipelines.quality.split import (
    Placed,
    collect_failures,
    landed_columns,
    landed_sql,
    place,
    write_accepted,
    write_rejected,
)
from pipelines.quality.suite import Expectation, handed_over, load_suite, rules_sha256
from pipelines.quality.typing import typing_sql
from pipelines.settings import Settings
from pipelines.sources.contract import Source

CHUNK_ROWS = 1_000_000
SAMPLE = 5
# A batch of one day fills one thread while it is compressed.
WRITERS = 2


def chunks(batches: Sequence[LandedBatch], limit: int = CHUNK_ROWS) -> Iterator[list[LandedBatch]]:
    """Batches in order, as many in a chunk as fit the limit; a larger batch is a chunk of its own."""
    chunk: list[LandedBatch] = []
    rows = 0
    for batch in batches:
        if chunk and rows + batch.rows > limit:
            yield chunk
            chunk, rows = [], 0
        chunk.append(batch)
        rows += batch.rows
    if chunk:
        yield chunk


def validate(
    source: Source,
    batches: Sequence[LandedBatch],
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Report]:
    """Validate whole batches; a report is written last, so that half a validation does not exist.

    LandingError for a batch that was edited since, ExpectationRaised for a rule that could not be
    evaluated, Unbalanced where rows read ≠ accepted + rejected.
    """
    suite = load_suite(source.suite_path)
    reports: list[Report] = []
    for chunk in chunks(batches):
        progress(f"{source.name}: {chunk[0].partition}..{chunk[-1].partition}")
        with duck.connect(settings.extensions) as con:
            reports += _validate_chunk(source, suite, chunk, settings, con)
    return reports


def pending(source: Source, found: Iterable[LandedBatch], quality: Path) -> list[LandedBatch]:
    """Batches never judged, or judged by other rules: what a stopped run or a corrected map left."""
    rules = rules_sha256(source)
    reports = ((batch, read_report(quality, batch)) for batch in found)
    return [batch for batch, report in reports if report is None or report.rules != rules]


def _validate_chunk(
    source: Source,
    suite: list[Expectation],
    chunk: list[LandedBatch],
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
) -> list[Report]:
    placed = place([intact(batch) for batch in chunk])
    frame = typed_frame(con, source, suite, placed)
    outcomes = run_suite(suite, frame, source.name)
    del frame
    many = collect_failures(con, source, placed, outcomes)
    rules = rules_sha256(source)

    def write(p: Placed) -> Report:
        with con.cursor() as own:
            return _write(own, source, p, outcomes, folder_of(settings.quality, p.batch), rules, many)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(write, placed))


def typed_frame(
    con: duckdb.DuckDBPyConnection, source: Source, suite: list[Expectation], placed: list[Placed]
) -> pd.DataFrame:
    """Table `typed` (canonical columns, keyed by `_key`); returns what the suite reads of it."""
    names = [c.name for c in source.columns]
    read = handed_over(suite)
    kept = [duck.identifier(n) for n in names]
    helpers = [f"{sql} as {duck.identifier(n)}" for n, sql in read.items() if n not in names]
    typing = typing_sql(source, f"({landed_sql(placed)})", landed_columns(placed))
    con.execute(f"create table typed as select {', '.join(['_key', *kept, *helpers])} from ({typing})")
    given = [
        f"{sql if n in names else duck.identifier(n)} as {duck.identifier(n)}" for n, sql in read.items()
    ]
    frame = con.execute(f"select {', '.join(['_key', *given])} from typed").to_arrow_table().to_pandas()
    # Unnamed: Great Expectations then names failing rows by plain integers, not by dicts.
    return frame.set_index("_key").rename_axis(None)


def _write(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    placed: Placed,
    outcomes: list[Outcome],
    folder: Path,
    rules: str,
    many: bool,
) -> Report:
    """Write one batch's files. An older report goes first: it would vouch for the new files."""
    batch = placed.batch
    mine = [_within(o.failed, placed) for o in outcomes]
    rejecting = [keys for o, keys in zip(outcomes, mine, strict=True) if o.expectation.rejects]
    rejected = len(np.unique(np.concatenate(rejecting))) if rejecting else 0
    report = Report(
        batch_id=batch.batch_id,
        source=source.name,
        partition=batch.partition,
        rows_read=batch.rows,
        rows_accepted=batch.rows - rejected,
        rows_rejected=rejected,
        blocked=rejected > source.max_rejected_share * batch.rows,
        results=tuple(_results(placed, outcomes, mine)),
        folder=folder,
        rules=rules,
    )
    folder.mkdir(parents=True, exist_ok=True)
    report.path.unlink(missing_ok=True)
    report.rejected.unlink(missing_ok=True)
    write_accepted(con, source, placed, report.accepted, whole=not rejected)
    if rejected:
        write_rejected(con, source, placed, report.rejected, many=many)
    write_report(reconcile(batch, report))
    return report


def _within(failed: np.ndarray, placed: Placed) -> np.ndarray:
    return failed[np.searchsorted(failed, placed.first) : np.searchsorted(failed, placed.last, "right")]


def _results(placed: Placed, outcomes: list[Outcome], mine: list[np.ndarray]) -> Iterator[dict[str, Any]]:
    for outcome, keys in zip(outcomes, mine, strict=True):
        e = outcome.expectation
        yield {
            "rule": e.rule,
            "type": e.type,
            "column": e.column,
            "severity": e.severity,
            "evaluated": placed.batch.rows,
            "unexpected": len(keys),
            "sample_rows": [int(key) - placed.first + 1 for key in keys[:SAMPLE]],
            "reason_en": e.reason_en,
            "reason_vi": e.reason_vi,
        }
