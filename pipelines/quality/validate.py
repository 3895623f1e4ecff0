"""Landed batches → accepted | rejected rows and a report each (promise 3: read = accepted + rejected).

Several batches share one Great Expectations call: 67 days of 20 000 rows cost two calls, not 67.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.landing.batches import LandedBatch, intact
from pipelines.quality.reports import Report, folder_of, write_report
from pipelines.quality.suite import Outcome, load_suite, needed_columns, run_suite
from pipelines.quality.typing import typing_sql
from pipelines.settings import Settings
from pipelines.sources.contract import Source
from pipelines.sources.personal import redacted

CHUNK_ROWS = 1_000_000
SAMPLE = 5


class Unbalanced(RuntimeError):
    """Rows read ≠ accepted + rejected: never to be published."""


def chunks(batches: Sequence[LandedBatch], limit: int = CHUNK_ROWS) -> Iterator[list[LandedBatch]]:
    """Batches in order, as many in a chunk as fit the limit; a larger batch is a chunk of its own."""
    chunk: list[LandedBatch] = []
    for batch in batches:
        if chunk and sum(b.rows for b in chunk) + batch.rows > limit:
            yield chunk
            chunk = []
        chunk.append(batch)
    if chunk:
        yield chunk


def validate(
    source: Source,
    batches: Sequence[LandedBatch],
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Report]:
    """Validate whole batches; the report is written last, so that half a validation does not exist."""
    reports: list[Report] = []
    for chunk in chunks(batches):
        progress(f"{source.name}: {chunk[0].partition}..{chunk[-1].partition}")
        with duck.connect(settings.extensions) as con:
            reports += _validate_chunk(source, chunk, settings, con)
    return reports


def _validate_chunk(
    source: Source, chunk: list[LandedBatch], settings: Settings, con: duckdb.DuckDBPyConnection
) -> list[Report]:
    suite = load_suite(source.suite_path)
    _type(con, source, chunk)
    listed = ", ".join(duck.identifier(c) for c in ["_key", *needed_columns(suite)])
    frame = con.execute(f"select {listed} from typed").to_arrow_table().to_pandas()
    outcomes = run_suite(suite, frame, source.name) if len(frame) else [Outcome(e, []) for e in suite]
    del frame
    _failures(con, outcomes)
    return [
        _write(con, source, number, batch, outcomes, folder_of(settings.quality, batch))
        for number, batch in enumerate(chunk)
    ]


def _type(con: duckdb.DuckDBPyConnection, source: Source, chunk: list[LandedBatch]) -> None:
    """Tables `landed` (texts) and `typed`, both keyed by `_key`, numbered across the chunk."""
    parts, offset = [], 0
    for number, batch in enumerate(chunk):
        intact(batch)
        # A key that follows from the batch's own row number: the same however often it is read.
        parts.append(
            f"select {number} as _batch, {offset} + _row - 1 as _key, * "
            f"from read_parquet({duck.literal(batch.path)})"
        )
        offset += batch.rows
    con.execute(f"create temp view landed as {' union all by name '.join(parts)}")
    present = {name for batch in chunk for name in pq.read_schema(batch.path).names}
    con.execute(f"create temp table typed as {typing_sql(source, 'landed', present)}")


def _failures(con: duckdb.DuckDBPyConnection, outcomes: list[Outcome]) -> None:
    """Table `failures`: one line per row × failed critical rule, in the suite's order."""
    keys = [key for o in outcomes if o.expectation.rejects for key in o.failed]
    rules = [i for i, o in enumerate(outcomes) if o.expectation.rejects for _ in o.failed]
    con.register(
        "failed",
        pa.table({"_key": pa.array(keys, pa.int64()), "rule": pa.array(rules, pa.int32())}),
    )
    con.execute("create temp table failures as from failed")
    con.unregister("failed")


def _write(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    number: int,
    batch: LandedBatch,
    outcomes: list[Outcome],
    folder: Path,
) -> Report:
    folder.mkdir(parents=True, exist_ok=True)
    identity = (
        f"{duck.literal(batch.batch_id)} as batch_id, date {duck.literal(batch.partition)} as partition_key"
    )
    names = ", ".join(duck.identifier(c.name) for c in source.columns)
    accepted = _copy(
        con,
        f"select {identity}, _row, {names} from typed where _batch = {number} "
        "and _key not in (select _key from failures) order by _row",
        folder / f"{batch.batch_id}.accepted.parquet",
    )
    rejected = 0
    if accepted < batch.rows:
        rejected = _copy(
            con,
            _rejected_sql(con, source, number, batch, outcomes, identity),
            folder / f"{batch.batch_id}.rejected.parquet",
        )
    if accepted + rejected != batch.rows:
        raise Unbalanced(
            f"{source.name} {batch.partition}: batch {batch.batch_id} has {batch.rows} rows, but "
            f"{accepted} accepted + {rejected} rejected. Nothing of it counts; report this error."
        )
    report = Report(
        batch_id=batch.batch_id,
        source=source.name,
        partition=batch.partition,
        rows_read=batch.rows,
        rows_accepted=accepted,
        rows_rejected=rejected,
        blocked=rejected > source.max_rejected_share * batch.rows,
        results=tuple(_results(con, number, batch, outcomes)),
        folder=folder,
    )
    write_report(report)
    return report


def _rejected_sql(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    number: int,
    batch: LandedBatch,
    outcomes: list[Outcome],
    identity: str,
) -> str:
    """The landed texts of rejected rows with, per row, its failures (rule, column, value, reasons)."""
    con.execute(
        "create or replace temp table rules (rule integer, name varchar, column_name varchar, "
        "reason_en varchar, reason_vi varchar)"
    )
    con.executemany(
        "insert into rules values (?, ?, ?, ?, ?)",
        [
            [i, e.rule, e.columns[0].split("__")[0], e.reason_en, e.reason_vi]
            for i, e in enumerate(o.expectation for o in outcomes)
        ],
    )
    landed = [n for n in pq.read_schema(batch.path).names if n != "_row"]
    quoted = {n: duck.identifier(n) for n in landed}
    texts = ", ".join(f"{redacted('l.' + q)} as {q}" for q in quoted.values())
    value = " ".join(f"when {duck.literal(n)} then t.{q}" for n, q in quoted.items())
    key = " || '|' || ".join(f"coalesce(t.{quoted[k]}, '')" for k in source.key if k in quoted)
    kept = ", ".join(f"any_value(t.{q}) as {q}" for q in quoted.values())
    return f"""
        select {identity}, {duck.literal(source.name)} as source, t._row, {key} as row_key,
            list({{'rule': r.name, 'column_name': r.column_name,
                'bad_value': case r.column_name {value} end,
                'reason_en': r.reason_en, 'reason_vi': r.reason_vi}} order by r.rule) as failures,
            {kept}
        from (
            select l._key, l._row, {texts} from landed l
            where l._batch = {number} and l._key in (select _key from failures)
        ) t
        join failures f using (_key) join rules r on r.rule = f.rule
        group by t._key, t._row, row_key order by t._row"""


def _results(
    con: duckdb.DuckDBPyConnection, number: int, batch: LandedBatch, outcomes: list[Outcome]
) -> Iterator[dict]:
    bounds = con.execute(
        "select coalesce(min(_key), 0), coalesce(max(_key), -1) from typed where _batch = ?",
        [number],
    ).fetchone()
    assert bounds is not None
    first, last = bounds
    for outcome in outcomes:
        e = outcome.expectation
        mine = [key for key in outcome.failed if first <= key <= last]
        yield {
            "rule": e.rule,
            "type": e.type,
            "column": e.columns[0],
            "severity": e.severity,
            "evaluated": batch.rows,
            "unexpected": len(mine),
            "sample_rows": sorted(key - first + 1 for key in mine)[:SAMPLE],
            "reason_en": e.reason_en,
            "reason_vi": e.reason_vi,
        }


def _copy(con: duckdb.DuckDBPyConnection, query: str, out: Path) -> int:
    """COPY to a draft, then rename; returns the rows written."""
    draft = out.with_name(f".{out.name}.partial")
    row = con.execute(
        f"copy ({query}) to {duck.literal(draft)} (format parquet, compression zstd)"
    ).fetchone()
    draft.replace(out)
    return int(row[0]) if row else 0


def pending(found: Iterable[LandedBatch], quality: Path) -> list[LandedBatch]:
    """Batches without a report: what a run that was stopped left to do."""
    return [b for b in found if not (folder_of(quality, b) / f"{b.batch_id}.json").exists()]
