"""What the oracle counts from: rows under canonical names, typed here and nowhere else; reference files as they lie."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pandas as pd

from tests.oracle.clock import Calendar, Units
from tests.oracle.dossiers import Place
from tests.oracle.rates import Target

REFERENCE = Path(__file__).resolve().parents[2] / "reference"
TIMES = {
    "dossier_log": ["recorded_at", "synced_at", "received_at", "due_at", "finished_at", "returned_at",
                    "submitted_at", "refused_at", "partition_key"],
    "national_ranking": ["captured_at", "partition_key"],
    "task_tracker": ["due_date", "completed_date", "start_date", "directive_date", "updated_at", "partition_key"],
    "issue_register": ["reported_at", "due_at", "resolved_at", "last_update_at", "partition_key"],
}  # fmt: skip
WORDS = {
    "dossier_log": ["dossier_code", "procedure_code", "sector_code", "channel", "applicant_type", "service_level",
                    "receiving_unit_code", "processing_unit_code", "batch_id"],
    "national_ranking": ["province_code", "batch_id"],
    "task_tracker": ["task_code", "title", "directive_number", "lead_agency_code", "coordinating_agencies",
                     "owner_level", "unit_code", "reported_status", "reported_status_raw", "evidence_link", "batch_id"],
    "issue_register": ["issue_code", "unit_code", "sector_code", "category", "addressed_to_level",
                       "addressed_to_code", "status", "batch_id"],
}  # fmt: skip
NUMBERS = {
    "dossier_log": ["status_code", "supplement_requests", "has_e_result", "is_digitised", "paid_online", "_row"],
    "national_ranking": ["received_total", "online_total", "_row"],
    "task_tracker": ["progress", "_row"],
    "issue_register": ["_row"],
}  # fmt: skip


def typed(rows: pd.DataFrame, source: str) -> pd.DataFrame:
    """The columns of a source that the oracle looks at; what is missing is null."""
    rows = rows.reindex(columns=TIMES[source] + WORDS[source] + NUMBERS[source])
    for name in TIMES[source]:
        rows[name] = pd.to_datetime(rows[name]).astype("datetime64[us]")
    for name in WORDS[source]:
        rows[name] = rows[name].astype(object).where(rows[name].notna(), None)
    for name in ("status_code", "_row"):
        if name in NUMBERS[source]:
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


def place(as_of: datetime, since: date = date(2025, 7, 1), *, stopped_is_end: bool = True) -> Place:
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
