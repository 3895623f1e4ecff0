"""The private warehouse: what dbt reads is laid out here, and whether a build is whole is noted here.

`prepare` fills the schema `raw` of warehouse.duckdb from landing and quality; dbt builds on it;
`finish` marks the build as whole and tested. Everything in the file is derived and disposable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing.batches import Batch, list_batches, verify_batch
from pipelines.landing.reference import PREFIX
from pipelines.quality.rejections import write_rejections
from pipelines.quality.reports import Report, read_report
from pipelines.quality.suite import rules_sha256
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts, load_contracts
from pipelines.warehouse.calendar import build_calendar
from pipelines.warehouse.checks import write_checks
from pipelines.warehouse.reference import reference_tables


class NothingLanded(RuntimeError):
    """There is no accepted batch to build from, or a day has none but blocked ones."""


@dataclass(frozen=True)
class BuiltState:
    """What a finished build was made of; the release records it."""

    as_of: datetime
    input_batches: int
    input_sha256: str
    manifest_sha256: str
    rules_sha256: str
    reference_sha256: str


def current(
    found: Iterable[tuple[Batch, Report]], whole: Collection[str] = ()
) -> dict[tuple[str, str], Batch]:
    """(source, partition) → its newest accepted batch: the one that counts.

    `whole`: sources whose every delivery is the whole table; of these only the newest partition counts.
    """
    counting = {(batch.source, batch.partition): batch for batch, report in found if not report.blocked}
    newest = {source: max(day for s, day in counting if s == source) for source, _ in counting}
    return {(s, day): b for (s, day), b in counting.items() if s not in whole or day == newest[s]}


def prepare(settings: Settings, contracts: Contracts, as_of: datetime | None = None) -> datetime:
    """Lay out schema `raw`; returns the as_of used (local), by default the end of the newest day.

    The default is the newest *landed* day, not the day of the run's partition: re-pulling an old
    day must leave every number where it was. NothingLanded where no dossier batch was accepted.
    """
    landed = list(list_batches(settings.landing))
    found = [(b, r) for b in landed if (r := read_report(settings.quality, b))]
    references = {b.source: b for b in landed if b.source.startswith(PREFIX)}
    whole_tables = {s.name for s in contracts.sources.values() if s.partitioning == "whole_table"}
    counting = current(found, whole_tables)
    refused = {(b.source, b.partition): r for b, r in found if r.blocked}
    newer = {
        key for key in refused if key[0] not in whole_tables or not any(key <= kept for kept in counting)
    }
    for name, day in sorted(newer - set(counting)):
        limit = contracts.sources[name].max_rejected_share
        raise NothingLanded(refused[name, day].describe_block(limit))
    days = [day for name, day in counting if name == "dossier_log"]
    if not days:
        raise NothingLanded(
            f"No accepted batch of dossier_log under {settings.landing}. "
            "Land a day first: `thongsuot run`, or materialize landing/dossier_log. Where that gave no "
            "batch, `thongsuot sources check dossier_log` says why."
        )
    newest_day = datetime.fromisoformat(max(days)).date()
    as_of = as_of or datetime.combine(newest_day, time()) + timedelta(days=1, seconds=-1)
    for batch in (*counting.values(), *references.values()):
        verify_batch(batch)
    accepted = {(b.source, b.batch_id): r.accepted for b, r in found}
    whole = read_canon().whole
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema if not exists raw")
        con.execute("drop table if exists raw.finished_build")
        for name, columns in contracts.accepted_columns().items():
            files = [
                accepted[batch.source, batch.batch_id] for batch in counting.values() if batch.source == name
            ]
            _accepted_view(con, name, files, columns)
        reference_tables(con, contracts, references)
        _register(con, "calendar", build_calendar(contracts.place.country))
        _batch_tables(con, found, counting)
        write_rejections(con, contracts, found, "raw.rejections")
        write_checks(con, (r for _, r in found))
        _reference_batches(con, references)
        con.execute(
            "create or replace table raw.run_parameters as "
            "select ?::timestamp as as_of, ?::date as partition_day, ? as place_code, "
            "?::date as counts_since, ?::boolean as stopped_is_end, "
            "? as whole_code, ? as whole_level, ? as whole_name_vi",
            [
                as_of,
                newest_day,
                contracts.place.code,
                contracts.place.counts_since,
                contracts.place.stopped_is == "end",
                whole.code,
                whole.level,
                contracts.place.whole_name,
            ],
        )
    return as_of


def finish(settings: Settings, as_of: datetime) -> BuiltState:
    """Mark the build as whole: dbt built and tested everything."""
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
        rules = {s.name: rules_sha256(s) for s in contracts.sources.values()}
        state = BuiltState(
            as_of=as_of,
            input_batches=len(inputs),
            input_sha256=fingerprint(inputs),
            manifest_sha256=hash_nodes(manifest),
            rules_sha256=fingerprint(
                [rules, contracts.place.model_dump(mode="json"), read_canon().model_dump(mode="json")]
            ),
            reference_sha256=fingerprint(references),
        )
        con.execute(
            "create or replace table raw.finished_build as select ?::timestamp as as_of, "
            "?::bigint as input_batches, ? as input_sha256, ? as manifest_sha256, "
            "? as rules_sha256, ? as reference_sha256",
            list(vars(state).values()),
        )
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
            "select schema_name, table_name from duckdb_tables() where schema_name <> 'raw' order by all"
        ).fetchall()
        counted = {}
        for schema, table in tables:
            row = con.execute(f"select count(*) from {duck.identifier(schema, table)}").fetchone()
            counted[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counted


def hash_nodes(manifest: Path) -> str:
    """Checksum of what the models say, free of the times and ids that every parse writes anew."""
    content = json.loads(manifest.read_text(encoding="utf-8"))
    return fingerprint({name: node["checksum"] for name, node in content["nodes"].items()})


def fingerprint(said: object) -> str:
    """SHA-256 of what JSON can say, the order of keys aside."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _accepted_view(
    con: duckdb.DuckDBPyConnection, name: str, files: list[Path], columns: dict[str, str]
) -> None:
    relation = duck.identifier("raw", name)
    if files:
        listed = ", ".join(duck.literal(f) for f in sorted(files))
        con.execute(
            f"create or replace view {relation} as from read_parquet([{listed}], union_by_name = true)"
        )
    else:
        typed = ", ".join(f"null::{t} as {duck.identifier(c)}" for c, t in columns.items())
        con.execute(f"create or replace view {relation} as select {typed} where false")


def _batch_tables(
    con: duckdb.DuckDBPyConnection,
    found: list[tuple[Batch, Report]],
    counting: dict[tuple[str, str], Batch],
) -> None:
    con.execute(
        "create or replace table raw.batches (batch_id varchar, source varchar, partition_key date, "
        "is_current boolean, is_accepted boolean, rows_read bigint, rows_accepted bigint, "
        "rows_rejected bigint, sha256 varchar, schema_fingerprint varchar, origin varchar, "
        "pulled_at timestamp, run_id varchar)"
    )
    rows = [
        [
            b.batch_id, b.source, b.partition, counting.get((b.source, b.partition)) == b,
            not r.blocked, b.rows, r.rows_accepted, r.rows_rejected, b.sha256,
            b.schema_fingerprint, b.origin, b.pulled_at, b.run_id,
        ]
        for b, r in found
    ]  # fmt: skip
    if rows:
        con.executemany(f"insert into raw.batches values ({', '.join('?' * 13)})", rows)


def _reference_batches(con: duckdb.DuckDBPyConnection, references: dict[str, Batch]) -> None:
    """Only the batch that counts: reference files are all or nothing, every row read is accepted."""
    for b in references.values():
        con.execute(
            f"insert into raw.batches values ({', '.join('?' * 13)})",
            [b.batch_id, b.source, b.partition, True, True, b.rows, b.rows, 0, b.sha256,
             b.schema_fingerprint, b.origin, b.pulled_at, b.run_id],
        )  # fmt: skip


def _register(con: duckdb.DuckDBPyConnection, name: str, frame: object) -> None:
    con.register("incoming", frame)
    con.execute(f"create or replace table raw.{name} as from incoming")
    con.unregister("incoming")
