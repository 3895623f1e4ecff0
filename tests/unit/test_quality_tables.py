"""The reference tables' own rules: each with a row that keeps it and one that breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.batches import write_batch
from pipelines.quality import tables
from pipelines.quality.expectations import RuleResult
from pipelines.quality.suite import read_suite
from pipelines.quality.tables import evaluate_tables
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.canon import find_table_suite
from pipelines.sources.contracts.contract import load_contracts

CONTRACTS = load_contracts(PROJECT / "sources.yaml")
SUITES = {t: read_suite(path).rows for t in CONTRACTS.reference if (path := find_table_suite(t))}
Row = dict[str, str]

UNITS: list[Row] = [
    {"unit_code": "16681", "unit_level": "commune", "valid_from": "2000-01-01", "valid_to": "2025-07-01"},
    {"unit_code": "16681", "unit_level": "commune", "valid_from": "2025-07-01"},
    {"unit_code": "16663", "unit_level": "commune", "valid_from": "2000-01-01", "valid_to": "2025-07-01"},
    {"unit_code": "H41.03", "unit_level": "department", "valid_from": "2025-03-01"},
]
COMMUNE: Row = {
    "unit_code": "1", "unit_level": "commune", "valid_from": "2025-07-01", "latitude": "-18,9", "longitude": "105.6",
}  # fmt: skip
MAPPED = {"old_unit_code": "16663", "new_unit_code": "16681"}
PROCEDURE = {"procedure_code": "1.012790", "agency_code": "H41.03", "processing_days": "3"}
CUTOFF = {"cutoff_at": "2025-08-06 16:00:00", "period_start": "2025-07-01 00:00:00"}
TARGET = {"metric": "digitisation_rate", "unit_level": "*", "target": "80%", "valid_from": "2022-06-23"}
SOUND: dict[str, list[Row]] = {
    "units": UNITS,
    "unit_mapping": [MAPPED],
    "procedures": [PROCEDURE],
    "reporting_cutoffs": [CUTOFF],
    "targets": [TARGET],
    "working_day_overrides": [{"date": "2026-01-02"}, {"date": "2026-01-10"}],
}

# table → rule → rows that are added to the sound ones, and the numbers of the rows at fault.
BROKEN: dict[str, dict[str, tuple[list[Row], list[int]]]] = {
    "units": {
        # The old version should have ended a day before the third one starts.
        "versions_overlap": (
            [
                {
                    "unit_code": "16681",
                    "unit_level": "commune",
                    "valid_from": "2025-06-30",
                    "valid_to": "2025-07-01",
                }
            ],
            [1],
        ),
        "ends_before_it_starts": (
            [
                {
                    "unit_code": "1",
                    "unit_level": "commune",
                    "valid_from": "2025-07-01",
                    "valid_to": "2025-07-01",
                }
            ],
            [5],
        ),
        "unit_level_unknown": ([{"unit_code": "1", "unit_level": "huyện", "valid_from": "2025-07-01"}], [5]),
        "latitude_unreadable": ([COMMUNE | {"latitude": "90.1"}, COMMUNE | {"unit_code": "2"}], [5]),
        "longitude_unreadable": (
            [COMMUNE | {"longitude": "105°"}, COMMUNE | {"unit_code": "2", "longitude": "-180"}],
            [5],
        ),
    },
    "unit_mapping": {
        "new_unit_unlisted": ([{"old_unit_code": "16681", "new_unit_code": "99999"}], [2]),
        "old_unit_unlisted": ([MAPPED | {"old_unit_code": "99999"}], [2]),
        "old_unit_split": ([MAPPED | {"new_unit_code": "16663"}], [1, 2]),
    },
    "procedures": {
        "procedure_repeated": ([PROCEDURE], [1, 2]),
        "processing_days_implausible": ([PROCEDURE | {"procedure_code": "2", "processing_days": "-1"}], [2]),
        "agency_unlisted": ([PROCEDURE | {"procedure_code": "2", "agency_code": "H41.99"}], [2]),
    },
    "reporting_cutoffs": {"cutoff_before_period": ([CUTOFF | {"cutoff_at": "2025-07-01 00:00:00"}], [2])},
    "targets": {
        "metric_without_target": ([TARGET | {"metric": "digitization_rate"}], [2]),
        "unit_level_unknown": ([TARGET | {"unit_level": "xã"}], [2]),
    },
    "working_day_overrides": {"day_repeated": ([{"date": "2026-01-02"}], [1, 3])},
}
RULES = [(table, rule.rule) for table, rules in SUITES.items() for rule in rules]


def evaluate_rows(settings: Settings, landed: dict[str, list[Row]]) -> dict[tuple[str, str], list[int]]:
    for table, rows in landed.items():

        def write(out: Path, table: str = table, rows: list[Row] = rows) -> tuple[str, tuple[str, ...]]:
            names = [c.name for c in CONTRACTS.reference[table].as_source().columns]
            texts = {n: pa.array([row.get(n) for row in rows], pa.string()) for n in names}
            pq.write_table(pa.table({"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **texts}), out)
            return "by hand", ()

        write_batch(settings.landing, f"reference_{table}", "2025-08-01", write, run_id="test")
    return {(v.table, v.rule.rule): v.failed for v in evaluate_tables(CONTRACTS, settings)}


def test_every_rule_has_a_row_that_breaks_it() -> None:
    assert {table: set(rules) for table, rules in BROKEN.items()} == {
        table: {rule.rule for rule in rules} for table, rules in SUITES.items()
    }


def test_sound_tables_break_no_rule_and_a_table_never_landed_is_not_judged(settings: Settings) -> None:
    assert evaluate_rows(settings, {}) == {}
    failing = evaluate_rows(settings, SOUND)
    assert set(failing) == set(RULES) and not any(failing.values())


@pytest.mark.parametrize(("table", "rule"), RULES)
def test_the_rule_finds_the_rows_that_break_it(settings: Settings, table: str, rule: str) -> None:
    added, failed = BROKEN[table][rule]
    failing = evaluate_rows(settings, SOUND | {table: SOUND[table] + added})
    assert {rule_of: rows for rule_of, rows in failing.items() if rows} == {(table, rule): failed}


def test_verdicts_are_kept_until_a_table_is_another_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluations: list[str] = []
    evaluate_suite = tables.evaluate_suite

    def count(*words: Any) -> list[RuleResult]:
        evaluations.append(words[-1])
        return evaluate_suite(*words)

    monkeypatch.setattr(tables, "evaluate_suite", count)
    first = evaluate_rows(settings, SOUND)
    again = {(v.table, v.rule.rule): v.failed for v in evaluate_tables(CONTRACTS, settings)}
    assert again == first and len(evaluations) == len(SUITES)
    added, failed = BROKEN["procedures"]["procedure_repeated"]
    failing = evaluate_rows(settings, {"procedures": SOUND["procedures"] + added})
    assert failing["procedures", "procedure_repeated"] == failed and len(evaluations) == 2 * len(SUITES)
