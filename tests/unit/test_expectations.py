"""Every rule of every suite: one row that keeps it, one that breaks it (expectations/<source>/examples.yaml).

Row 1 of each batch is sound; every rule has a row of its own that breaks it, and where it reads what was
delivered before, the row before it. One validation per source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.batches import Batch, write_batch
from pipelines.quality.expectations import evaluate_frame
from pipelines.quality.reports import Report
from pipelines.quality.suite import read_suite
from pipelines.quality.validate import validate_batches
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.sources.values.moments import is_of_moments
from tests.unit.examples import Row, read_examples

CONTRACTS = load_contracts(PROJECT / "sources.yaml")
SUITES = {name: read_suite(source.suite_path).rows for name, source in CONTRACTS.sources.items()}

# The reference tables as landed: two units, one of which ended with the old communes; one procedure.
REFERENCES: dict[str, list[Row]] = {
    "units": [
        {"unit_code": code, "unit_level": "commune", "valid_from": since, "valid_to": until}
        for code, since, until in [
            ("16681", "2000-01-01", "2025-07-01"),
            ("16681", "2025-07-01", None),
            ("16663", "2000-01-01", "2025-07-01"),
            ("H41.05", "2025-03-01", None),
        ]
    ],
    "procedures": [{"procedure_code": "1.012790"}],
}


class FailedRows(NamedTuple):
    """`samples`: numbers of the first rows that break a rule; `count`: of all."""

    samples: set[int]
    count: int


class Verdicts(NamedTuple):
    """`failed`: rule → the rows that break it; `rejected`: row number → {rule: failure}; `kept`: row numbers."""

    report: Report
    failed: dict[str, FailedRows]
    rejected: dict[int, dict[str, Any]]
    kept: set[int]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdicts]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    return {name: validate_examples(name, settings) for name in CONTRACTS.sources}


def write_rows(settings: Settings, name: str, day: str, rows: list[Row]) -> Batch:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        columns = {c: pa.array([row[c] for row in rows], pa.string()) for c in rows[0]}
        pq.write_table(pa.table({"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **columns}), out)
        return "by hand", ()

    return write_batch(settings.landing, name, day, write, run_id="test")


def validate_examples(name: str, settings: Settings) -> Verdicts:
    source = CONTRACTS.sources[name]
    for table, content in REFERENCES.items():
        write_rows(settings, f"reference_{table}", "2025-08-01", content)
    examples = read_examples(name)
    rows, _ = examples.list_rows()
    if source.partitioning == "snapshot_day":
        # The day before, all of it was sound.
        validate_batches(source, [write_rows(settings, name, "2025-08-05", examples.list_things())], settings)
    batch = write_rows(settings, name, "2025-08-06", rows)
    [report] = validate_batches(source, [batch], settings)
    rejected = duckdb.sql(f"select _row, failures from '{report.rejected}'").fetchall()
    kept = duckdb.sql(f"select _row from '{report.accepted}'").fetchall()
    return Verdicts(
        report,
        {
            r["rule"]: FailedRows(set(r["sample_rows"]), r["unexpected"])
            for r in report.results
            if r["scope"] == "row"
        },
        {row: {f["rule"]: f for f in failures} for row, failures in rejected},
        {row for (row,) in kept},
    )


def row_of(source: str, rule: str) -> int:
    return read_examples(source).list_rows()[1][rule]


RULES = [(source, expectation) for source, suite in SUITES.items() for expectation in suite]
CRITICAL = [(source, expectation) for source, expectation in RULES if expectation.rejects]
each_rule = pytest.mark.parametrize(
    ("source", "expectation"), RULES, ids=[f"{s}-{expectation.rule}" for s, expectation in RULES]
)


@pytest.mark.parametrize("source", SUITES)
def test_every_rule_has_a_row_that_breaks_it_and_no_row_breaks_a_rule_that_is_gone(source: str) -> None:
    rules, examples = {expectation.rule for expectation in SUITES[source]}, set(read_examples(source).broken)
    assert rules - examples == set(), f"{source}/examples.yaml: `broken` has no row for these rules"
    assert examples - rules == set(), f"{source}/examples.yaml: `broken` has rows for rules that are gone"


@pytest.mark.parametrize("source", SUITES)
def test_a_sound_row_breaks_no_rule(source: str, verdicts: dict[str, Verdicts]) -> None:
    assert all(1 not in failed.samples for failed in verdicts[source].failed.values())
    assert 1 in verdicts[source].kept


@each_rule
def test_the_rule_finds_the_row_that_breaks_it(
    source: str, expectation: Any, verdicts: dict[str, Verdicts]
) -> None:
    failed = verdicts[source].failed[expectation.rule]
    assert row_of(source, expectation.rule) in failed.samples
    assert failed.count == 1 or expectation.rule in read_examples(source).also


@each_rule
def test_a_critical_rule_sets_the_row_aside_and_a_warning_keeps_it(
    source: str, expectation: Any, verdicts: dict[str, Verdicts]
) -> None:
    row = row_of(source, expectation.rule)
    assert (row in verdicts[source].kept) is (expectation.severity != "critical")
    assert (row in verdicts[source].rejected) is (expectation.severity == "critical")


@pytest.mark.parametrize(
    ("source", "expectation"),
    CRITICAL,
    ids=[f"{source}-{expectation.rule}" for source, expectation in CRITICAL],
)
def test_a_rejected_row_says_which_column_held_what_and_why_in_two_languages(
    source: str, expectation: Any, verdicts: dict[str, Verdicts]
) -> None:
    failure = verdicts[source].rejected[row_of(source, expectation.rule)][expectation.rule]
    examples = read_examples(source)
    broken = examples.broken[expectation.rule][-1]
    assert broken[failure["column_name"]] != examples.sound[failure["column_name"]]
    assert failure["bad_value"] == broken[failure["column_name"]]
    assert failure["reason_en"] and failure["reason_vi"]


@pytest.mark.parametrize("source", SUITES)
def test_rows_read_are_accepted_or_rejected(source: str, verdicts: dict[str, Verdicts]) -> None:
    report = verdicts[source].report
    assert (
        report.rows_read
        == len(read_examples(source).list_rows()[0])
        == report.rows_accepted + report.rows_rejected
    )
    assert verdicts[source].kept | set(verdicts[source].rejected) == set(range(1, report.rows_read + 1))


@pytest.mark.parametrize("source", SUITES)
def test_whatever_typing_cannot_read_has_a_rule_that_says_so(source: str) -> None:
    watched = {column for expectation in SUITES[source] for column in expectation.columns}
    for column in CONTRACTS.sources[source].columns:
        if is_of_moments(column):
            for fault in ("unread", "implausible", "placeholder"):
                assert f"{column.name}__{fault}" in watched, f"no rule over {column.name}__{fault}"
        elif column.type != "text" or column.value_map:
            assert watched & {column.name, f"{column.name}__raw"}, column.name


def test_dossier_rules_reject_what_the_demo_plants_by_these_names() -> None:
    planted = {
        "dossier_code_missing", "status_code_unknown", "channel_unknown", "service_level_unknown",
        "recorded_at_unparseable", "received_at_unparseable", "due_at_unparseable",
        "recorded_at_in_future", "received_after_recorded", "finished_before_received",
        "receiving_unit_missing", "personal_data_in_text", "mojibake_in_text",
    }  # fmt: skip
    rules = {expectation.rule: expectation for expectation in SUITES["dossier_log"]}
    assert all(rules[name].rejects for name in planted)
    # docs/domain.md §2: a code that matches no rule is a warning, a missing code an error.
    assert not rules["dossier_code_malformed"].rejects


@pytest.mark.parametrize("source", SUITES)
def test_every_rule_over_a_whole_batch_has_a_batch_that_keeps_it_and_one_that_breaks_it(source: str) -> None:
    rules = read_suite(CONTRACTS.sources[source].suite_path).batches
    examples = read_examples(source).batches
    assert set(examples) == {expectation.rule for expectation in rules}, f"{source}/examples.yaml: `batches`"
    for number, expectation in enumerate(rules):
        fact, keeps, breaks = examples[expectation.rule]
        sound = {"rows": 100.0, "rows_emptied": None, "volume_ratio": 1.0, "hours_behind": 2.0}
        unknown = sound | {"volume_ratio": None, "hours_behind": None}
        batches = pd.DataFrame([sound | {fact: keeps}, sound | {fact: breaks}, unknown], dtype="float64")
        assert list(evaluate_frame(rules, batches, source)[number].failed) == [1]


# What may happen to any delivery, whatever it is about.
OF_ANY_DELIVERY = {
    "batch_empty",
    "batch_emptied",
    "newest_row_old",
    "code_misshapen",
    "personal_data_in_text",
}
# A register of people's reports and a log have times that nobody can know yet when the list is exported.
OF_REPORTS = {
    "dossier_log": {"recorded_after_export"},
    "issue_register": {"reported_after_export", "resolved_after_export"},
    "citizen_feedback": {"received_after_export", "answered_after_export"},
}


@pytest.mark.parametrize("name", SUITES)
def test_no_source_lacks_a_rule_that_any_delivery_needs(name: str) -> None:
    suite = read_suite(CONTRACTS.sources[name].suite_path)
    rules = {e.rule for e in (*suite.rows, *suite.batches) if e.severity == "critical"}
    needed = OF_ANY_DELIVERY - {"batch_empty", "newest_row_old"} | OF_REPORTS.get(name, set())
    assert needed - rules == set()
    assert OF_ANY_DELIVERY - {e.rule for e in (*suite.rows, *suite.batches)} == set()
