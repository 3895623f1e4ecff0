"""The private warehouse: what dbt reads is written here, and whether a build is whole is noted here.

`write_inputs` fills the schema `raw` of warehouse.duckdb from landing and quality; dbt builds on it;
`finish_build` marks the build as whole and tested. Everything in the file is derived and disposable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.landing.batches import Batch, list_batches, verify_batch
from pipelines.landing.reference import PREFIX
from pipelines.landing.withdrawals import Withdrawal, find_withdrawn, list_withdrawals
from pipelines.quality.counting import Counting, Reported, select_current
from pipelines.quality.rejections import write_rejections
from pipelines.quality.reports import read_report, verify_report
from pipelines.quality.suite import hash_rules
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts, load_contracts
from pipelines.warehouse.accepted_files import FILES, KEYS
from pipelines.warehouse.calendar import build_calendar, find_span
from pipelines.warehouse.checks import write_checks
from pipelines.warehouse.counting import find_newest_day, refuse_blocked
from pipelines.warehouse.engine import TABLE as ENGINE_TABLE
from pipelines.warehouse.raw import (
    write_accepted,
    write_batch_files,
    write_batches,
    write_calendar,
    write_parameters,
    write_withdrawals,
)
from pipelines.warehouse.reference import write_reference_tables
from pipelines.warehouse.replaced_rows import SCHEMA as REPLACED_ROWS
from pipelines.warehouse.sealed_build import seal_build


@dataclass(frozen=True)
class BuiltState:
    """What a finished build was made of; the release records it."""

    as_of: datetime
    input_batches: int
    input_sha256: str
    manifest_sha256: str
    rules_sha256: str
    reference_sha256: str


class BuildInputs(NamedTuple):
    """All that a build is made of, beside the contracts and the code.

    `reported`: every validated batch; `counting`: (source, day) → the one that counts; `references`: table → its
    batch; `withdrawals`: every event, `withdrawn`: (source, batch) of those that do not count now; `as_of`: local
    time; `newest_day`: the newest that was delivered.
    """

    reported: Reported
    counting: Counting
    references: Mapping[str, Batch]
    withdrawals: Sequence[Withdrawal]
    withdrawn: Set[tuple[str, str]]
    as_of: datetime
    newest_day: date


def read_inputs(settings: Settings, contracts: Contracts, as_of: datetime | None = None) -> BuildInputs:
    """`as_of`: by default the end of the newest day.

    The default follows the data: the newest day that was delivered, not the day of the run's partition, nor
    a day whose delivery is empty. NothingLanded where no batch that moves as_of was accepted; LandingError or
    EditedRows where a batch that counts, or the rows that validation wrote, were edited.
    """
    landed = list(list_batches(settings.landing))
    reported = [(batch, report) for batch in landed if (report := read_report(settings.quality, batch))]
    references = {batch.source: batch for batch in landed if batch.source.startswith(PREFIX)}
    withdrawn = find_withdrawn(settings.landing)
    counting = select_current(contracts, reported, withdrawn)
    refuse_blocked(contracts, reported, counting, withdrawn)
    newest_day = find_newest_day(contracts, reported, counting, settings)
    as_of = as_of or datetime.combine(newest_day, time()) + timedelta(days=1, seconds=-1)
    for batch in (*counting.values(), *references.values()):
        verify_batch(batch)
    for _, report in reported:
        verify_report(report)
    withdrawals = list_withdrawals(settings.landing)
    return BuildInputs(reported, counting, references, withdrawals, withdrawn, as_of, newest_day)


def write_inputs(settings: Settings, contracts: Contracts, inputs: BuildInputs) -> None:
    """Write schema `raw`; the build that was there before is none from here on."""
    open_build(settings)
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema if not exists raw")
        # What the build of before noted is believed by none that begins anew.
        con.execute(f"drop table if exists {FILES}")
        con.execute(f"drop table if exists {KEYS}")
        write_raw(con, contracts, inputs)


def open_build(settings: Settings) -> None:
    """The build of before is not kept any more, whatever becomes of the one that begins."""
    settings.build_record.unlink(missing_ok=True)
    settings.build_seal.unlink(missing_ok=True)


def write_raw(con: duckdb.DuckDBPyConnection, contracts: Contracts, inputs: BuildInputs) -> None:
    """Schema `raw` as the inputs are now; what notes a finished build is gone first."""
    reported, counting, references, withdrawals, withdrawn, as_of, newest_day = inputs
    con.execute("drop table if exists raw.finished_build")
    con.execute("drop table if exists raw.build_basis")
    con.execute(f"drop table if exists {ENGINE_TABLE}")
    con.execute(f"drop schema if exists {REPLACED_ROWS} cascade")
    write_accepted(con, contracts, reported, counting)
    write_reference_tables(con, contracts, references)
    place = contracts.place
    span = find_span(con, place.counts_since, as_of.date())
    write_calendar(con, build_calendar(place.country, *span))
    write_batches(con, reported, counting, references, withdrawn)
    write_batch_files(con, reported, references)
    write_withdrawals(con, withdrawals)
    write_rejections(con, contracts, reported, "raw.rejections", withdrawn)
    write_checks(con, (report for _, report in reported))
    write_parameters(con, place, as_of, newest_day)


def prepare_warehouse(settings: Settings, contracts: Contracts, as_of: datetime | None = None) -> datetime:
    """Read the inputs and write them; returns the as_of used."""
    inputs = read_inputs(settings, contracts, as_of)
    write_inputs(settings, contracts, inputs)
    return inputs.as_of


def finish_build(settings: Settings, as_of: datetime) -> BuiltState:
    """Mark the build as whole: dbt built and tested everything. Who writes to the file after that breaks its seal."""
    manifest = settings.dbt_target / "manifest.json"
    with duck.connect(settings.extensions, settings.warehouse) as con:
        inputs = con.execute(
            "select batch_id, sha256 from raw.batches where is_current order by all"
        ).fetchall()
        references = con.execute(
            "select source, sha256 from raw.batches where is_current and starts_with(source, ?) order by all",
            [PREFIX],
        ).fetchall()
        contracts = load_contracts(settings.sources_file)
        rules = {s.name: hash_rules(s) for s in contracts.sources.values()}
        state = BuiltState(
            as_of=as_of,
            input_batches=len(inputs),
            input_sha256=hash_json(inputs),
            manifest_sha256=hash_nodes(manifest),
            rules_sha256=hash_json(
                [rules, contracts.place.model_dump(mode="json"), read_canon().model_dump(mode="json")]
            ),
            reference_sha256=hash_json(references),
        )
        con.execute(
            "create or replace table raw.finished_build as select ?::timestamp as as_of, "
            "?::bigint as input_batches, ? as input_sha256, ? as manifest_sha256, "
            "? as rules_sha256, ? as reference_sha256",
            list(vars(state).values()),
        )
    seal_build(settings)
    return state


def read_built_state(settings: Settings) -> BuiltState | None:
    """The finished build in the warehouse; None where there is none, or only half of one."""
    if not settings.warehouse.exists():
        return None
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        try:
            row = con.execute("from raw.finished_build").fetchone()
        except duckdb.CatalogException:
            return None
    return BuiltState(*row) if row else None


def count_rows(settings: Settings) -> dict[str, int]:
    """`schema.table` → rows, of every table dbt built; one connection for all."""
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name not in ('raw', ?) order by all",
            [REPLACED_ROWS],
        ).fetchall()
        counted = {}
        for schema, table in tables:
            row = con.execute(f"select count(*) from {duck.identifier(schema, table)}").fetchone()
            counted[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counted


def count_largest_source(con: duckdb.DuckDBPyConnection, database: str) -> int:
    """The accepted rows, of the source that has most of them, that the build of an attached warehouse rests on."""
    row = con.execute(
        f"select max(rows) from (select sum(rows_accepted) as rows "
        f"from {duck.identifier(database, 'raw', 'batches')} where is_current group by source)"
    ).fetchone()
    return int(row[0] or 0) if row else 0


def hash_nodes(manifest: Path) -> str:
    """Checksum of models, seeds, tests and our own macros, free of the times and ids of every parse.

    A node's checksum is of its own file: a macro that it calls is not in it. Macros of packages follow from
    the versions in requirements.lock, as the rest of the environment does.
    """
    content = json.loads(manifest.read_text(encoding="utf-8"))
    project = content["metadata"]["project_name"]
    nodes = {name: node["checksum"] for name, node in content["nodes"].items()}
    macros = {
        name: macro["macro_sql"]
        for name, macro in content["macros"].items()
        if macro["package_name"] == project
    }
    return hash_json({"nodes": nodes, "macros": macros})


def hash_json(content: object) -> str:
    """SHA-256 of what JSON can hold, the order of keys aside."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
