"""What the oracle counts from: rows under canonical names, typed here and nowhere else; reference files as they lie."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.oracle.clock import Calendar, Units
from tests.oracle.dossiers import Place
from tests.oracle.rates import Target

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
CONTRACTS = REFERENCE.parent / "expectations"
SOURCES = sorted(path.parent.name for path in CONTRACTS.glob("*/contract.yaml"))
BOOKKEEPING = {"batch_id": "varchar", "partition_key": "date", "_row": "bigint"}


def read_contract(source: str) -> dict[str, Any]:
    contract: dict[str, Any] = yaml.safe_load(
        (CONTRACTS / source / "contract.yaml").read_text(encoding="utf-8")
    )
    return contract


def column_types(source: str) -> dict[str, str]:
    """Every column that the source's contract names, as it types it, and where the row came from."""
    columns = read_contract(source)["columns"]
    types = {name: column.get("type", "varchar") for name, column in columns.items()}
    return {**types, **BOOKKEEPING}


def typed(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    """The columns of a source, each of its kind; what is missing is null."""
    types = column_types(source)
    rows = rows.reindex(columns=list(types))
    for name, kind in types.items():
        if kind in ("date", "timestamp"):
            rows[name] = pd.to_datetime(rows[name]).astype("datetime64[us]")
        elif kind == "varchar":
            rows[name] = rows[name].astype(object).where(rows[name].notna(), None)
    for name in ("status_code", "_row"):
        if types.get(name, "varchar") != "varchar":
            rows[name] = rows[name].astype("int64")
    return rows


def reference(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv", dtype=str)


def targets(table: pd.DataFrame) -> list[Target]:
    """Of a table of targets, in whole percents; a star or nothing means every level."""
    return [
        Target(t.metric, None if pd.isna(t.unit_level) or t.unit_level == "*" else t.unit_level,
               pd.Timestamp(t.valid_from).date(), int(str(t.target).removesuffix("%")))
        for t in table.itertuples(index=False)
    ]  # fmt: skip


def cutoffs() -> pd.DataFrame:
    table = reference("reporting_cutoffs")
    return table.assign(
        cutoff_at=pd.to_datetime(table["cutoff_at"]), period_start=pd.to_datetime(table["period_start"])
    )


def describe_place(as_of: datetime, since: date = date(2025, 7, 1), *, stopped_is_end: bool = True) -> Place:
    """The demo's place and reference tables, judged at `as_of`."""
    procedures = reference("procedures")
    return Place(
        as_of=pd.Timestamp(as_of),
        since=pd.Timestamp(since),
        stopped_is_end=stopped_is_end,
        units=Units(reference("units"), reference("unit_mapping")),
        calendar=Calendar(reference("working_day_overrides")[["date", "is_working_day"]]),
        paperless=set(procedures.loc[procedures["needs_paper_result"] == "false", "procedure_code"]),
        fee=set(procedures.loc[procedures["has_fee"] == "true", "procedure_code"]),
        service_level=dict(zip(procedures["procedure_code"], procedures["service_level"], strict=True)),
    )
