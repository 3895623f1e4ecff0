"""What landed of the items whose count changed is read of the batches that have rows of them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines.explain.evidence import gather_evidence
from pipelines.explain.withdrawals import create_withdrawals
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.canonical import Evidence
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.accepted_files import KEYS, AcceptedFile, write_files, write_key_batches

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = "dossier_log"
# Of the first and third batch are rows of the dossier that changed.
ROWS = {"b1": ("A", "B"), "b2": ("C",), "b3": ("A",)}
BATCHES = "(select 'b1' as batch_id, date '2025-08-01' as partition_key, 'dossier_log' as source, true as is_current)"
REJECTIONS = (
    "(select '' as batch_id, date '2025-08-05' as partition_key, 1::bigint as _row, '' as source, "
    "true as is_current)"
)


@pytest.fixture
def log(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A warehouse of three batches of the log; dossier A counts elsewhere than before."""
    contracts, con = load_contracts(PROJECT / "sources.yaml"), duckdb.connect()
    con.execute("attach ':memory:' as warehouse; use warehouse; create schema raw; create schema seeds")
    kinds = contracts.accepted_columns()[SOURCE]
    con.execute(f"create table log ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
    files = []
    for number, (batch, codes) in enumerate(ROWS.items(), start=1):
        file = tmp_path / f"{batch}.parquet"
        for row, code in enumerate(codes, start=1):
            con.execute(
                "insert into log (dossier_code, batch_id, partition_key, _row) values (?, ?, ?, ?)",
                [code, batch, f"2025-08-0{number}", row],
            )
        con.execute(f"copy (from log where batch_id = '{batch}') to '{file}' (format parquet)")
        files.append(AcceptedFile(SOURCE, batch, batch, file))
    con.execute(f"create view raw.{SOURCE} as from read_parquet('{tmp_path}/*.parquet')")
    write_files(con, files, {SOURCE: kinds})
    write_key_batches(con, {"dossier_code": [SOURCE]})
    for table in read_evidence().reads:
        file = PROJECT / "dbt_project" / "seeds" / f"{table.split('.')[1]}.csv"
        con.execute(f"create table {table} as from read_csv('{file}')")
    con.execute("use memory; create temp table changed as select 'A' as item_code")
    create_withdrawals(con)
    return con


def read_evidence() -> Evidence:
    evidence = read_canon().sources[SOURCE].evidence
    assert evidence
    return evidence


def list_deliveries(con: duckdb.DuckDBPyConnection, settings: Settings) -> list[tuple[str, str, str]]:
    contract = load_contracts(PROJECT / "sources.yaml").sources[SOURCE]
    tables = {"audit.batches": BATCHES, "audit.rejections": REJECTIONS}
    gather_evidence(con, settings, contract, read_evidence(), tables, tables)
    assert con.execute("select current_database()").fetchone() == ("memory",)
    return con.execute("select item_code, batch_id, arrival from deliveries order by all").fetchall()


def test_no_other_batch_is_opened(log: duckdb.DuckDBPyConnection, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "b2.parquet").unlink()
    (tmp_path / "b2.parquet").write_bytes(b"no rows")
    assert list_deliveries(log, settings) == [("A", "b1", "old"), ("A", "b3", "new")]


@pytest.mark.parametrize(
    "note", [f"drop table warehouse.{KEYS}", f"update warehouse.{KEYS} set key = 'unit_code'"]
)
def test_all_are_read_where_nobody_noted_which_have_rows(
    log: duckdb.DuckDBPyConnection, settings: Settings, note: str
) -> None:
    log.execute(note)
    assert list_deliveries(log, settings) == [("A", "b1", "old"), ("A", "b3", "new")]


def test_items_of_which_nothing_landed_have_no_deliveries(
    log: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    log.execute("update changed set item_code = 'Z'")
    assert list_deliveries(log, settings) == []
