"""An installation with nothing but what dbt parsed and compiled, on empty raw tables; and a build by dbt itself.

A test holds a build of the compiled statements to dbt's own, table by table.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.quality.rejections import write_rejections
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Contracts, load_contracts
from pipelines.warehouse import dbt
from pipelines.warehouse.checks import write_checks
from pipelines.warehouse.compiled import read_compiled
from pipelines.warehouse.dbt import NodeResult
from tests import crashing

BOOKKEEPING = {
    "batches": "batch_id varchar, source varchar, partition_key date, is_current boolean, is_accepted boolean, "
    "rows_read bigint, rows_accepted bigint, rows_rejected bigint, sha256 varchar, schema_fingerprint varchar, "
    "origin varchar, pulled_at timestamp, run_id varchar, standing varchar",
    "withdrawals": "event_id bigint, event varchar, source varchar, partition_key date, batch_id varchar, "
    "author varchar, reason varchar, happened_at timestamp",
    "run_parameters": "as_of timestamp, partition_day date, place_code varchar, counts_since date, "
    "stopped_is_end boolean, done_by_word boolean, whole_name_vi varchar, "
    "late_phrases varchar[], in_time_phrases varchar[]",
    "calendar": "date date, is_working_day boolean, holiday_name varchar",
}  # fmt: skip


def compile_project(data: Path) -> None:
    """The installation, made by a child process where dbt has not parsed and compiled the project yet."""
    crashing.ask_in_child(_compile, Settings(data=data))


def _compile(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as con:
        _create_raw_tables(con, load_contracts(PROJECT / "sources.yaml"))
    dbt.ensure_manifest(settings)
    read_compiled(settings)


def build_by_dbt(settings: Settings) -> list[NodeResult]:
    """In place of `build_and_test`: seeds and models as `dbt build` makes them, no data test."""
    left_out = ("test", "unit_test", "exposure")
    without = [word for kind in left_out for word in ("--exclude-resource-type", kind)]
    words = ("build", "--quiet", "--log-level-file", "none", *without)
    outcome = dbt._invoke(settings, *words, manifest=dbt.read_parsed(settings))
    assert outcome.result is not None, outcome.exception
    return [
        NodeResult(r.node.unique_id, str(r.status), r.execution_time, r.message or "", r.failures or 0)
        for r in outcome.result.results
    ]


def _create_raw_tables(con: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    """Empty tables of schema raw, as the layout of the warehouse types them."""
    tables: dict[str, dict[str, str]] = {**contracts.accepted_columns(), **contracts.reference_columns()}
    con.execute("create schema raw")
    write_checks(con, [])
    write_rejections(con, contracts, [], "raw.rejections")
    for name, columns in tables.items():
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        con.execute(f"create table raw.{name} ({typed})")
    for name, declaration in BOOKKEEPING.items():
        con.execute(f"create table raw.{name} ({declaration})")
