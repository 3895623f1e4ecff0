"""A lake small enough to build by hand: releases of two marts, and what others may do to it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import Batch, list_batches, write_batch
from pipelines.releases import publish as publishing
from pipelines.releases.heal import publish_healed, refuse_unsound_ground
from pipelines.releases.publish import Publication, publish
from pipelines.settings import Settings
from pipelines.warehouse.sealed_build import seal_build

Rows = list[tuple[str, int | None]]
Tamper = Callable[[Settings], None]
# What publishing asks a build for its size by.
BATCHES = (
    "create or replace table raw.batches as "
    "select 'log' as source, 1::bigint as rows_accepted, true as is_current"
)
TRUE_ROWS = [("a", 1), ("b", 2), ("c", 3)]


def build(settings: Settings, rows: Rows, *, finished: bool = True, counts: Rows | None = None) -> None:
    """A warehouse by hand: two marts, and the mark that dbt finished."""
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema if not exists raw; create schema if not exists marts")
        con.execute(BATCHES)
        for name, content in (("task", rows), ("counts", counts or [("all", len(rows))])):
            con.execute(f"create or replace table marts.{name} (code varchar not null, n integer)")
            if content:
                con.executemany(f"insert into marts.{name} values (?, ?)", content)
        con.execute("drop table if exists raw.finished_build")
        if finished:
            con.execute(
                "create table raw.finished_build as select timestamp '2025-08-06 23:59:59' as as_of, "
                "1::bigint as input_batches, 'in' as input_sha256, 'm' as manifest_sha256, "
                "'r' as rules_sha256, 'f' as reference_sha256"
            )
    seal_build(settings)
    nodes = {
        f"model.{name}": {
            "resource_type": "model", "schema": "marts", "alias": name, "name": name,
            "config": {"meta": {"key": ["code"]}},
        }
        for name in ("task", "counts")
    }  # fmt: skip
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    (settings.dbt_target / "manifest.json").write_text(json.dumps({"nodes": nodes}))


def release(settings: Settings, rows: Rows, **more: object) -> Publication:
    build(settings, rows, **more)  # type: ignore[arg-type]
    return publish(settings, run_id="run", author="test", reason="by hand")


def read(settings: Settings, sql: str) -> list[tuple]:
    with open_lake(settings) as con:
        return con.execute(sql).fetchall()


def deliver(settings: Settings, rows: int = 1, day: str = "2025-08-06") -> None:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"a": pa.array(["x"] * rows, pa.string())}), out)
        return "by hand", ()

    write_batch(settings.landing, "dossier_log", day, write, run_id="t")


def landed(settings: Settings, day: str) -> Batch:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.table({"_row": [1], "code": [day]}), out)
        return "by hand", ()

    return write_batch(settings.landing, "dossier_log", day, write, run_id="t")


def night(settings: Settings, number: int) -> None:
    """One more landed day, one more release: a task changes, one is added."""
    built_night(settings, number)
    publish(settings, run_id=f"run {number}", author="night", reason=f"night {number}")


def built_night(settings: Settings, number: int) -> None:
    landed(settings, f"2025-08-0{number}")
    build(settings, [("a", number), *((f"b{n}", n) for n in range(number))], counts=[("all", number)])
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("create schema if not exists audit")
        con.execute(
            "create or replace table audit.batches (source varchar, partition_key date, batch_id varchar, "
            "is_current boolean, is_accepted boolean, sha256 varchar, rows_read bigint, "
            "schema_fingerprint varchar, origin varchar, pulled_at timestamp, run_id varchar)"
        )
        for batch in list_batches(settings.landing):
            con.execute(
                "insert into audit.batches values (?, ?, ?, true, true, ?, ?, ?, ?, ?, ?)",
                [batch.source, batch.partition, batch.batch_id, batch.sha256, batch.rows,
                 batch.schema_fingerprint, batch.origin, batch.pulled_at, batch.run_id],
            )  # fmt: skip
    seal_build(settings)
    manifest = settings.dbt_target / "manifest.json"
    nodes = json.loads(manifest.read_text())["nodes"]
    nodes["model.batches"] = {
        "resource_type": "model", "schema": "audit", "alias": "batches", "name": "audit_batches",
        "config": {"meta": {"key": ["source", "batch_id"]}},
    }  # fmt: skip
    manifest.write_text(json.dumps({"nodes": nodes}))


def register_files(settings: Settings) -> list[Path]:
    return sorted((settings.lake / "files/marts/task").glob("*.parquet"))


def edit_a_file(settings: Settings) -> None:
    path = register_files(settings)[0]
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt)


def catalogue(statement: str) -> Tamper:
    def tamper(settings: Settings) -> None:
        with closing(sqlite3.connect(settings.lake / "catalog.sqlite")) as con:
            assert con.execute(statement).rowcount > 0
            con.commit()

    return tamper


def labelled(*statements: str) -> Tamper:
    """What someone with write access to the lake does, by the lake's own rules."""

    def tamper(settings: Settings) -> None:
        with open_lake(settings, read_only=False) as con:
            con.execute("begin")
            for statement in statements:
                con.execute(statement)
            con.execute("call lake.set_commit_message('someone', 'something'); commit")

    return tamper


def make_release(settings: Settings, number: int) -> None:
    """`task` never changes, `counts` does every time."""
    build(settings, list(TRUE_ROWS), counts=[("all", number)])
    publishing.publish(settings, run_id=f"run {number}", author="night", reason=f"night {number}")


def attach_outside(settings: Settings, options: str = "") -> duckdb.DuckDBPyConnection:
    con = duck.connect(settings.extensions, loading=("sqlite_scanner", "ducklake"))
    path, files = settings.lake / "catalog.sqlite", settings.lake / "files"
    con.execute(
        f"attach 'ducklake:sqlite:{path}' as lake (override_data_path true, data_path '{files}/'{options})"
    )
    return con


def heal(settings: Settings) -> list[int]:
    """By a build from what was received; the numbers of the releases whose contents are pruned."""
    build(settings, list(TRUE_ROWS), counts=[("all", 2)])
    refuse_unsound_ground(settings)
    return publish_healed(settings, run_id="heal", author="operator", reason="forged").pruned
