"""Landed batches → accepted | rejected rows and a report each (promise 3: read = accepted + rejected).

Several batches share one chunk, and so the calls of Great Expectations: 67 days cost two group_batches, not 67.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd

from pipelines import duck
from pipelines.landing.batches import Batch, hash_file, verify_batch
from pipelines.privacy.detectors import register_detectors
from pipelines.quality.counting import group_by_day
from pipelines.quality.distant_days import select_distant
from pipelines.quality.evaluation import Frame, evaluate_suite, group_rules, read_types
from pipelines.quality.expectations import RuleResult
from pipelines.quality.history import write_history
from pipelines.quality.page import write_page
from pipelines.quality.place_suite import load_suite
from pipelines.quality.reconcile import reconcile_batch
from pipelines.quality.references import find_references, select_with_helpers
from pipelines.quality.reports import Report, find_report_folder, read_report, write_report
from pipelines.quality.samples import SAMPLE, collect_samples, select_keys
from pipelines.quality.split import (
    KeyedBatch,
    assign_keys,
    collect_failures,
    list_landed_columns,
    select_landed,
    write_accepted,
    write_rejected,
)
from pipelines.quality.suite import Suite, hash_rules
from pipelines.quality.typing import DOUBTS, list_doubts, select_typed
from pipelines.quality.whole import collect_batch_facts, select_row_facts
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.values.characters import register_characters

CHUNK_ROWS = 1_000_000
# A batch of one day fills one thread while it is compressed.
WRITERS = 2


class ChunkResult(NamedTuple):
    """What a chunk's batches are told: verdicts on rows and on whole batches, and what they rest on."""

    rows: list[RuleResult]
    batches: list[RuleResult]
    facts: pd.DataFrame
    samples: Mapping[tuple[str, int], dict[str, Any]]
    references: dict[str, str]
    rules: str
    many: bool


def group_batches(batches: Sequence[Batch], limit: int = CHUNK_ROWS) -> Iterator[list[Batch]]:
    """Batches in order, as many in a chunk as fit the limit; a larger batch is a chunk of its own."""
    chunk: list[Batch] = []
    rows = 0
    for batch in batches:
        if chunk and rows + batch.rows > limit:
            yield chunk
            chunk, rows = [], 0
        chunk.append(batch)
        rows += batch.rows
    if chunk:
        yield chunk


def validate_batches(
    source: Source,
    batches: Sequence[Batch],
    settings: Settings,
    run_id: str = "",
) -> list[Report]:
    """Validate whole batches, oldest day first; a report is written last, so half a validation is none.

    LandingError for a batch that was edited since, ExpectationRaised for a rule that could not be
    evaluated, Unbalanced where rows read ≠ accepted + rejected; NotEnoughMemory names the batches.
    """
    suite = load_suite(source)
    reports: list[Report] = []
    for chunk in group_batches(sorted(batches, key=lambda b: (b.partition, b.batch_id))):
        with duck.connect(settings.extensions) as con:
            duck.fit_threads(con, sum(batch.rows for batch in chunk))
            try:
                reports += _validate_chunk(source, suite, chunk, settings, con, run_id)
            except duckdb.OutOfMemoryException as error:
                raise duck.NotEnoughMemory(
                    duck.describe_lack_of_memory(_name_batches(chunk), error)
                ) from None
    return reports


def _name_batches(chunk: Sequence[Batch]) -> str:
    first, *more = chunk
    others = f" and {len(more)} later ones" if more else ""
    return f"{first.source} {first.partition}, batch {first.batch_id}{others}"


def find_pending(source: Source, batches: Sequence[Batch], quality: Path) -> list[Batch]:
    """Batches never validated, or validated by other rules: what a stopped run or a corrected map left.

    Of each day the newest that is not known to be blocked: below one that is, an older batch counts. So what is
    validated may leave another one pending.
    """
    if not batches:
        return []
    rules = _rules(source, load_suite(source), batches[0].folder.parents[1])
    pending = []
    for of_day in group_by_day(batches):
        for batch in of_day:
            report = read_report(quality, batch)
            if report is None or report.rules != rules:
                pending.append(batch)
            elif report.blocked:
                continue
            break
    return pending


def _rules(source: Source, suite: Suite, landing: Path) -> str:
    deciding = find_references(suite.deciding_tables, landing)
    return hash_rules(source, {table: batch.sha256 for table, batch in deciding.items()})


def _validate_chunk(
    source: Source,
    suite: Suite,
    chunk: list[Batch],
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    run_id: str,
) -> list[Report]:
    keyed = assign_keys([verify_batch(batch) for batch in chunk])
    references = find_references({r.table for r in suite.references.values()}, settings.landing)
    frames = type_rows(con, source, suite, keyed, references)
    facts = collect_batch_facts(con, source, suite, keyed, settings)
    rules = suite.rules_of_rows
    verdicts = evaluate_suite(con, rules, "typed", source.name, frames, beside=(suite.batches, facts))
    results, of_batches = verdicts[: len(rules)], verdicts[len(rules) :]
    many = collect_failures(con, results)
    if history := [e for e in suite.rows if e.of_history]:
        results += evaluate_suite(
            con, history, write_history(con, source, suite, keyed, settings), source.name
        )
    results.sort(key=lambda o: suite.rows.index(o.expectation))
    chunk_result = ChunkResult(
        rows=results,
        batches=of_batches,
        facts=facts,
        samples=collect_samples(con, source, keyed, results, many=many),
        references={table: batch.batch_id for table, batch in references.items()},
        rules=_rules(source, suite, settings.landing),
        many=many,
    )

    def write(at: int) -> Report:
        with con.cursor() as own:
            return _write(own, source, keyed[at], at, chunk_result, settings.quality, run_id)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(write, range(len(keyed))))


def type_rows(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    suite: Suite,
    keyed: list[KeyedBatch],
    references: dict[str, Batch],
) -> list[Frame]:
    """Table `typed`: canonical columns keyed by `_key`, and the columns of the frames, which are returned."""
    register_characters(con)
    register_detectors(con)
    typing = select_typed(source, f"({select_landed(keyed)})", list_landed_columns(keyed))
    typing = select_distant(source, f"(select *, {select_row_facts(source, keyed)} from ({typing}))")
    typing = select_with_helpers(suite, typing, references)
    types = read_types(con, typing)
    names = [c.name for c in source.columns]
    # What was delivered before, and how new the batch is, is read from the table later.
    later = f"{suite.newest} {suite.history}"
    kept = ["_key", "_place", "_partition", *names, *(n for n in types if n not in names and n in later)]
    frames = group_rules(suite.rules_of_rows, types, list_doubts(source), DOUBTS)
    columns = {name: duck.identifier(name) for name in kept}
    columns |= {name: sql for frame in frames for name, sql in frame.sql.items() if name not in columns}
    selected = ", ".join(f"{sql} as {duck.identifier(name)}" for name, sql in columns.items())
    con.execute(f"create table typed as select {selected} from ({typing})")
    return [frame.read_stored() for frame in frames]


def _write(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    keyed: KeyedBatch,
    at: int,
    chunk_result: ChunkResult,
    quality: Path,
    run_id: str,
) -> Report:
    """Write one batch's files. An older report goes first: it would vouch for the new files."""
    batch = keyed.batch
    failed_keys = [select_keys(o.failed, keyed) for o in chunk_result.rows]
    rejecting = [
        keys for o, keys in zip(chunk_result.rows, failed_keys, strict=True) if o.expectation.rejects
    ]
    rejected_keys = np.unique(np.concatenate(rejecting)) if rejecting else np.array([], np.int64)
    rejected = len(rejected_keys)
    stopped = any(o.expectation.rejects and at in o.failed for o in chunk_result.batches)
    report = Report(
        batch_id=batch.batch_id,
        source=source.name,
        partition=batch.partition,
        rows_read=batch.rows,
        rows_accepted=batch.rows - rejected,
        rows_rejected=rejected,
        blocked=stopped or rejected > source.max_rejected_share * batch.rows,
        results=(
            *_row_results(keyed, chunk_result, failed_keys, rejected_keys),
            *_batch_results(at, chunk_result),
        ),
        folder=find_report_folder(quality, batch),
        rules=chunk_result.rules,
        references=chunk_result.references,
        run_id=run_id,
    )
    report.folder.mkdir(parents=True, exist_ok=True)
    report.path.unlink(missing_ok=True)
    report.rejected.unlink(missing_ok=True)
    write_accepted(con, source, keyed, report.accepted, whole=not rejected)
    if rejected:
        failing = [result.expectation for result in chunk_result.rows if len(result.failed)]
        write_rejected(con, source, keyed, report.rejected, failing, many=chunk_result.many)
    write_page(source, batch, reconcile_batch(batch, report))
    report = replace(report, files={word: hash_file(path) for word, path in report.list_files().items()})
    write_report(report)
    return report


def _row_results(
    keyed: KeyedBatch, chunk_result: ChunkResult, failed_keys: list[np.ndarray], rejected_keys: np.ndarray
) -> Iterator[dict[str, Any]]:
    for result, keys in zip(chunk_result.rows, failed_keys, strict=True):
        doubts = {}
        if result.expectation.tells_rows:
            # Of a rejected row nothing is published.
            doubts = {"doubts": len(np.setdiff1d(keys, rejected_keys, assume_unique=True))}
        yield (
            _result(result)
            | doubts
            | {
                "scope": "row",
                "evaluated": keyed.batch.rows,
                "unexpected": len(keys),
                "sample_rows": [int(key) - keyed.first + 1 for key in keys[:SAMPLE]],
                "samples": [
                    sample
                    for k in keys[:SAMPLE]
                    if (sample := chunk_result.samples.get((result.expectation.rule, int(k))))
                ],
            }
        )


def _batch_results(at: int, chunk_result: ChunkResult) -> Iterator[dict[str, Any]]:
    for result in chunk_result.batches:
        observed = chunk_result.facts[result.expectation.columns[0]].tolist()[at]
        number = "…" if isnan(observed) else f"{observed:g}"
        reasons = {
            key: text.replace("{observed}", number)
            for key, text in _result(result).items()
            if key.startswith("reason_")
        }
        yield (
            _result(result)
            | reasons
            | {
                "scope": "batch",
                "evaluated": 1,
                "unexpected": int(at in result.failed),
                "sample_rows": [],
                "samples": [],
                "observed": None if isnan(observed) else observed,
            }
        )


def _result(result: RuleResult) -> dict[str, Any]:
    expectation = result.expectation
    return {
        "rule": expectation.rule,
        "type": expectation.type,
        "column": expectation.column,
        "severity": expectation.severity,
        "reason_en": expectation.reason_en,
        "reason_vi": expectation.reason_vi,
    }
