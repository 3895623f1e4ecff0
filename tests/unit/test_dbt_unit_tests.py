"""The dbt project on a province small enough to count by hand: unit tests, contracts, data tests.

One `dbt build` for all who ask (small_warehouse.py); then the tests are tested.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import duck
from pipelines.settings import Settings
from pipelines.warehouse.compiled import read_compiled
from pipelines.warehouse.data_tests import build_models, run_tests
from tests import crashing
from tests.support.copies import copy_installation
from tests.unit.small_warehouse import Built

pytestmark = pytest.mark.slow


def statuses_of(built: Built, prefix: str) -> dict[str, str]:
    return {node: status for node, status in built.statuses.items() if node.startswith(prefix)}


def test_every_model_builds_under_its_contract_and_every_data_test_passes(built: Built) -> None:
    assert {n: s for n, s in built.statuses.items() if s not in ("success", "pass", "no-op")} == {}
    assert statuses_of(built, "model.").keys() == {
        n for n in built.manifest["nodes"] if n.startswith("model.")
    }


def test_every_dbt_unit_test_ran_and_passed(built: Built) -> None:
    unit_tests = statuses_of(built, "unit_test.")
    assert unit_tests == dict.fromkeys(built.manifest["unit_tests"], "pass")


# Each statement breaks what one or more of the data tests are there to notice.
DAMAGE = (
    "update audit.reconciliation set is_balanced = false where batch_id = 'b1'",
    "delete from marts.issue_backlog",
    "update marts.task_completion set open_overdue = open_overdue + 1",
    "update marts.task_completion_by_unit set withdrawn = 1, total = total + 1",
    "insert into marts.dim_unit from marts.dim_unit where unit_code = 'NEW'",
    "update marts.online_submission_rate set numerator = 1 where unit_code = 'NEW'",
    "update marts.online_submission_headline set received = received + 1",
    "update marts.feedback_backlog set working_days_late = 1",
    "update marts.satisfaction set received = received + 1",
    "update marts.satisfaction set satisfied = 9",
    "update marts.issue_backlog_daily set opening = 0, new_issues = 1",
    "update marts.issue_backlog_daily set closed = 5, closed_resolved = 1",
    "update marts.reporting_completeness set missing = missing + 1",
    "insert into marts.report_ii06a by name "
    "select * replace (month + interval 1 month as month, 7 as carried_over) from marts.report_ii06a",
    "update marts.online_submission_breakdown set denominator = denominator + 1",
    "update marts.dossier_register set is_overdue = false where dossier_code = 'B'",
    "update marts.dossier_timeliness set early = early + 1 where finished > 0",
    "delete from marts.digital_service_rate",
    "delete from intermediate.int_dossier_states where dossier_code = 'C'",
    "delete from intermediate.int_calendar where date_day = '2025-07-04'",
)  # What the statements above make fail, by model and kind of test; the tests of tests/ by name.
NOTICED = {
    "audit_reconciliation: holds",
    "digital_service_rate: has_rows",
    "dim_unit: unique_combination",
    "dossier_timeliness: parts_add_up",
    "feedback_backlog: holds",
    "int_as_of: as_of_is_within_the_calendar",
    "int_dossier_states: the_log_is_kept_whole",
    "issue_backlog: has_rows",
    "issue_backlog_daily: holds",
    "issue_backlog_daily: parts_add_up",
    "online_submission_breakdown: parts_add_up",
    "online_submission_rate: holds",
    "online_submission_rate: parts_add_up",
    "report_ii06a: parts_add_up",
    "reporting_completeness: parts_add_up",
    "satisfaction: holds",
    "satisfaction: parts_add_up",
    "task_completion: parts_add_up",
    "task_completion_by_unit: holds",
    "task_completion_by_unit: parts_add_up",
}


def test_the_data_tests_notice_what_they_are_there_for(built: Built, tmp_path: Path) -> None:
    copy_installation(built.settings.data, tmp_path / "data")
    broken = Settings(data=tmp_path / "data")
    with duckdb.connect(str(broken.warehouse)) as con:
        for damage in DAMAGE:
            con.execute(damage)
    damaged = Built(broken, {}).contents()
    statuses = crashing.ask_in_child(check_and_rebuild, broken)
    # A build over whatever lies there is a build from nothing, and the compiled statements give what dbt gave.
    assert Built(broken, {}).contents() == built.contents() != damaged
    nodes = built.manifest["nodes"]
    failed = [nodes[node] for node, status in statuses.items() if status == "fail"]
    ours = {p.stem for p in (built.settings.dbt_project / "tests").rglob("*.sql")}
    every = {kind(node) for node in nodes.values() if node["resource_type"] == "test"}
    assert ours == every - {"unique", "not_null", "accepted_values", "relationships"}
    assert ours - {kind(node) for node in failed} == set(), "passed on broken data"
    assert {f"{model_of(node)}: {kind(node)}" for node in failed if "test_metadata" in node} == NOTICED


def check_and_rebuild(settings: Settings) -> dict[str, str]:
    """Every data test → how it ended on what lies there; then a build, the machine's clock far from the province's."""
    os.environ["TZ"] = "America/Los_Angeles"
    time.tzset()
    with duck.connect(settings.extensions, settings.warehouse) as con:
        results = run_tests(con, read_compiled(settings).tests, set())
    build_models(settings)
    return {result.unique_id: result.status for result in results}


def kind(test: dict[str, Any]) -> str:
    """The generic test that it is an instance of, or its own name."""
    return test["test_metadata"]["name"] if "test_metadata" in test else test["name"]


def model_of(test: dict[str, Any]) -> str:
    return test["attached_node"].split(".")[2]
