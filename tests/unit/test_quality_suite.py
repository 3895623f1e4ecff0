"""A suite file is read strictly: a wrong rule is an error of ours, found before any row is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.quality.suite import SuiteError, read_suite

RULE: dict[str, Any] = {
    "type": "expect_column_values_to_be_null",
    "kwargs": {"column": "channel__raw"},
    "severity": "critical",
    "meta": {"rule": "channel_unknown", "reason_en": "unknown", "reason_vi": "ngoài danh mục"},
}


def suite_of(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"name": "log", "expectations": entries}), encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(SuiteError) as error:
        read_suite(path)
    return str(error.value)


def test_a_rule_over_a_helper_points_to_the_column_behind_it(tmp_path: Path) -> None:
    [rule] = read_suite(suite_of(tmp_path, RULE)).rows
    assert (rule.rule, rule.column, rule.columns, rule.rejects) == (
        "channel_unknown", "channel", ["channel__raw"], True,
    )  # fmt: skip


def test_a_rule_may_name_the_column_at_fault(tmp_path: Path) -> None:
    pair = RULE | {
        "type": "expect_column_pair_values_a_to_be_greater_than_b",
        "kwargs": {"column_A": "synced_next_day", "column_B": "recorded_at"},
        "meta": RULE["meta"] | {"at": "recorded_at"},
    }
    assert read_suite(suite_of(tmp_path, pair)).rows[0].column == "recorded_at"


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_only_critical_rules_reject(tmp_path: Path, severity: str) -> None:
    assert not read_suite(suite_of(tmp_path, RULE | {"severity": severity})).rows[0].rejects


def test_a_suite_that_is_absent_is_named(tmp_path: Path) -> None:
    assert "no suite log.json" in refused(tmp_path / "log.json")


def test_broken_json_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text('{"name": "log",\n "expectations": [}', encoding="utf-8")
    assert refused(path).startswith("log.json, line 2: not valid JSON")


def test_an_unknown_severity_is_refused(tmp_path: Path) -> None:
    message = refused(suite_of(tmp_path, RULE | {"severity": "fatal"}))
    assert (
        message
        == "log.json, expectation 1 (channel_unknown): severity 'fatal' is none of critical, warning, info"
    )


def test_a_rule_without_reasons_is_refused(tmp_path: Path) -> None:
    message = refused(suite_of(tmp_path, RULE | {"meta": {"rule": "channel_unknown"}}))
    assert "expectation 1 (channel_unknown)" in message and "reason_en" in message


def test_a_rule_without_severity_is_refused(tmp_path: Path) -> None:
    message = refused(suite_of(tmp_path, {k: v for k, v in RULE.items() if k != "severity"}))
    assert "'severity' is missing" in message


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "expectation 2 (channel_unknown): a rule of this name" in refused(suite_of(tmp_path, RULE, RULE))


def test_a_rule_over_the_whole_table_is_refused(tmp_path: Path) -> None:
    table = RULE | {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
    assert "is no rule over single rows" in refused(suite_of(tmp_path, table))


def test_importing_validation_does_not_import_great_expectations() -> None:
    # The import costs seconds, which definitions must not pay.
    code = "import sys, pipelines.quality.validate as v; assert 'great_expectations' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
