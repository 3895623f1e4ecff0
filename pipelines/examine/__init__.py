"""`thongsuot sources check`: a sample read and evaluated as a night would do it, and nothing kept.

It goes through the real reader, typing and suite, in a temporary directory that is removed.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.examine.advice import Advice, Examination
from pipelines.examine.calendar import examine_calendar
from pipelines.examine.headers import examine_headers
from pipelines.examine.values import examine_codes, examine_values
from pipelines.landing.batches import Batch, write_batch
from pipelines.landing.lost_columns import find_lost_columns
from pipelines.landing.personal import batch_sql
from pipelines.landing.reference import land_reference
from pipelines.landing.repeated_keys import describe_repetition, find_repetition
from pipelines.privacy.detectors import register_detectors
from pipelines.quality.place_suite import load_suite
from pipelines.quality.suite import SuiteError
from pipelines.quality.validate import validate_batches
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.connectors import find_connector
from pipelines.sources.contracts.contract import Column, ContractError, Contracts, Source
from pipelines.sources.errors import NotProvided, SourceError
from pipelines.sources.mapping import join_matches, observe_matches
from pipelines.sources.relation import Relation
from pipelines.sources.states import unfold_milestones
from pipelines.warehouse.reference import WrongReference, write_reference_tables

__all__ = ["Advice", "Examination", "examine_source"]


def examine_source(
    contracts: Contracts, source: Source, settings: Settings, *, partition: date | None, rows: int | None
) -> Examination:
    """Connect, read at most `rows` rows of a day (None: all) and evaluate them; nothing is landed, nothing applied.

    `partition`: the day; None takes the newest delivery that lies ready, else yesterday.
    """
    yesterday = datetime.now(LOCAL_ZONE).date() - timedelta(days=1)
    seen = Examination(source.name, str(partition or yesterday))
    try:
        newest = find_connector(source.connector).load().find_newest_delivery(source, settings)
        day = partition or newest or yesterday
    except ContractError as error:
        seen.add_advice("error", source.name, str(error))
        return seen
    seen.partition = str(day)
    with tempfile.TemporaryDirectory() as folder, duck.connect(settings.extensions) as con:
        register_detectors(con)
        trial = replace(settings, data=Path(folder))
        try:
            extra = _sample(seen, source, day, settings, con, rows)
        except (SourceError, ContractError) as error:
            text = str(error)
            if isinstance(error, NotProvided):
                text += " Choose a day that has one: --partition DAY."
            seen.add_advice("error", source.name, text)
            return seen
        if repetition := find_repetition(con, source, "sample"):
            text = describe_repetition(repetition, [[] for _ in repetition.examples])
            seen.add_advice("error", source.name, f"{text}; where it may, say `repeated_keys: accept`")
        examine_values(seen, source, con, extra)
        examine_calendar(seen, source, contracts.place, con)
        try:
            landed = land_reference(contracts, settings, run_id="check", root=trial.landing)
            for batch in landed:
                for note in batch.notes:
                    seen.add_advice("info", batch.source.replace("_", ".", 1), note)
            con.execute("create schema if not exists raw")
            write_reference_tables(con, contracts, {batch.source: batch for batch in landed})
            examine_codes(seen, source, con, load_suite(source))
        except (SourceError, WrongReference) as error:
            seen.add_advice("error", "reference", str(error))
        except SuiteError as error:
            seen.add_advice("error", "rules", str(error))
        if not seen.rows:
            seen.add_advice(
                "warning", source.name, f"no rows on {day}; choose a day that has some: --partition DAY"
            )
        elif not any(a.level == "error" for a in seen.advice):
            _evaluate_sample(seen, source, trial, con)
    return seen


def _sample(
    seen: Examination,
    source: Source,
    day: date,
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    rows: int | None,
) -> dict[str, str]:
    """Table `sample`: mapped columns, and those outside the contract (returned: column → header)."""
    pull = find_connector(source.connector).load().pull
    with observe_matches(is_lenient=True) as matches:
        try:
            with pull(source, day, settings, con) as relation:
                seen.origin = relation.origin
        finally:
            if matches:
                lost = find_lost_columns(source, str(day), matches, settings.landing)
                examine_headers(seen, source, join_matches(matches), lost)
        unknown = join_matches(matches).unknown if matches else ()
        extra = {f"extra_{n}": header for n, header in enumerate(unknown)}
        more = tuple(Column(name=name, raw=header) for name, header in extra.items())
        probe = source.model_copy(update={"columns": (*source.columns, *more)})
        with pull(probe, day, settings, con) as relation:
            log = unfold_milestones(probe, relation, day)
            limit = "" if rows is None else f"limit {rows + 1}"
            chosen = ", ".join(f"{sql} as {duck.identifier(name)}" for name, sql in log.columns.items())
            con.execute(f"create or replace table sample as select {chosen} from {log.sql} {limit}")
    row = con.execute("select count(*) from sample").fetchone()
    seen.rows = int(row[0]) if row else 0
    seen.is_whole = rows is None or seen.rows <= rows
    if not seen.is_whole:
        con.execute(f"delete from sample where rowid >= {rows}")
        seen.rows = int(rows or 0)
    return {name: header for name, header in extra.items() if name in log.columns}


def _evaluate_sample(
    seen: Examination, source: Source, trial: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    """The real landing, typing and suite, on the sample."""
    names = [str(row[0]) for row in con.execute("describe sample").fetchall()]
    contract_names = {c.name for c in source.columns}
    columns = {name: duck.identifier(name) for name in names if name in contract_names}

    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        con.execute(
            f"copy ({batch_sql(source, Relation('sample', columns, '', ()))}) "
            f"to {duck.literal(out)} (format parquet)"
        )
        return seen.origin, ()

    batch: Batch = write_batch(trial.landing, source.name, seen.partition, write, run_id="check")
    (report,) = validate_batches(source, [batch], trial)
    seen.rows_rejected = report.rows_rejected
    for result in report.results:
        if result["unexpected"]:
            seen.rejected[result["rule"]] = {
                "rows": result["unexpected"],
                "column": result["column"],
                "severity": result["severity"],
                "reason": result["reason_en"],
            }
    if report.blocked:
        share, limit = report.rows_rejected / report.rows_read, source.max_rejected_share
        seen.add_advice(
            "error",
            source.name,
            f"{report.rows_rejected} of {report.rows_read} rows would be rejected ({share:.1%}, more than "
            f"`max_rejected_share` {limit:.1%}): the batch would be blocked",
        )
