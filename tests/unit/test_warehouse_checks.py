"""Validation reports as rows: every rule of every batch, also the ones that found nothing."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.quality.reports import Report
from pipelines.warehouse.checks import write_checks

RESULT = {"rule": "channel_unknown", "column": "channel", "severity": "critical", "scope": "row",
         "evaluated": 4, "unexpected": 1, "reason_en": "unknown", "reason_vi": "lạ"}  # fmt: skip
SMALL = {"rule": "too_few_rows", "column": None, "severity": "warning", "scope": "batch",
         "evaluated": 1, "unexpected": 0, "observed": 4.0, "reason_en": "few", "reason_vi": "ít"}  # fmt: skip


def report(*results: dict) -> Report:
    return Report(
        batch_id="b1", source="dossier_log", partition="2025-07-01", rows_read=4, rows_accepted=3,
        rows_rejected=1, blocked=False, results=results, folder=Path(), rules="sha",
    )  # fmt: skip


def test_every_rule_of_every_batch_is_a_row_whether_it_found_something_or_not() -> None:
    with duckdb.connect() as con:
        con.execute("create schema raw")
        write_checks(con, [report(RESULT, SMALL)])
        assert con.execute(
            "select source, partition_key::varchar, batch_id, rule, column_name, scope, evaluated, "
            "unexpected, observed, rules from raw.checks order by rule"
        ).fetchall() == [
            ("dossier_log", "2025-07-01", "b1", "channel_unknown", "channel", "row", 4, 1, None, "sha"),
            ("dossier_log", "2025-07-01", "b1", "too_few_rows", None, "batch", 1, 0, 4.0, "sha"),
        ]


def test_without_reports_the_table_is_there_and_empty() -> None:
    with duckdb.connect() as con:
        con.execute("create schema raw")
        write_checks(con, [])
        assert con.execute("select count(*) from raw.checks").fetchall() == [(0,)]
        types = dict(
            con.execute(
                "select column_name, data_type from duckdb_columns() where table_name = 'checks'"
            ).fetchall()
        )
        assert (types["partition_key"], types["unexpected"], types["observed"]) == (
            "DATE",
            "BIGINT",
            "DOUBLE",
        )
