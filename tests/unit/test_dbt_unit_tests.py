"""The dbt project on a province small enough to count by hand: unit tests, contracts, data tests.

One `dbt build` for the module; then the tests are tested.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.unit.small_warehouse import PROJECT, Built, dbt, write_raw

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt")
    warehouse = folder / "warehouse.duckdb"
    write_raw(warehouse)
    return dbt(warehouse, folder / "target", "build")


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


def test_the_headline_knows_at_each_cutoff_what_was_recorded_by_then(built: Built) -> None:
    # 02/07 16:00: A and B, both online. 04/07 12:00: also C, in person. 06/08 lies after as_of.
    assert built.rows(
        "select strftime(cutoff_at, '%d/%m'), received, online, returned, rate, national_rank, rank_movement "
        "from marts.online_submission_headline order by cutoff_at"
    ) == [("02/07", 2, 2, 0, 1.0, 2, None), ("04/07", 3, 2, 1, 2 / 3, 2, 0)]


def test_the_rate_of_a_past_day_counts_what_was_known_at_its_end(built: Built) -> None:
    assert built.rows(
        "select as_of_day::varchar, numerator, denominator from marts.online_submission_rate "
        "where unit_level = 'province' and period = 'since_start' order by 1"
    ) == [("2025-07-01", 2, 2), ("2025-07-02", 2, 3), ("2025-07-03", 2, 3), ("2025-07-04", 2, 3)]


def test_june_counts_in_the_year_and_an_unknown_unit_keeps_its_dossiers(built: Built) -> None:
    assert built.rows(
        "select unit_code, unit_level, numerator, denominator from marts.online_submission_rate "
        "where as_of_day = '2025-07-04' and period = 'year' and denominator > 0 order by 1"
    ) == [("NEW", "commune", 3, 3), ("XXX", "unknown", 0, 1), ("province", "province", 3, 4)]


def test_the_days_are_local_whatever_the_clock_of_the_machine(built: Built) -> None:
    # 23:59:59 on 30 June in Nghệ An is the afternoon in UTC, and received by the old unit.
    assert built.rows(
        "select receiving_unit_code, original_unit_name from marts.dossier_register where dossier_code = 'J'"
    ) == [("NEW", "Xã Cũ")]
    assert built.rows(
        "select received_day::varchar, received from marts.submission_by_channel_daily "
        "where received_day = '2025-06-30'"
    ) == [("2025-06-30", 1)]


def test_what_came_late_counts_on_its_day_and_says_so(built: Built) -> None:
    # J was received in the last second of June and reached the source ten seconds later, in July.
    assert built.rows(
        "select received_day::varchar, sum(received), sum(late_arrivals) "
        "from marts.submission_by_channel_daily group by 1 order by 1"
    ) == [("2025-06-30", 1, 1), ("2025-07-01", 2, 0), ("2025-07-02", 1, 0)]


def test_the_gap_to_the_target_is_a_number_of_whole_dossiers_and_the_cutoff_before_is_compared(
    built: Built,
) -> None:
    # 2 of 3 against 80 %: with two more, 4 of 5. At the cut-off before, 2 of 2.
    assert built.rows(
        "select target, additional_online_to_target, strftime(cutoff_before, '%d/%m %H:%M'), "
        "change_since_cutoff_before from marts.online_submission_rate "
        "where as_of_day = '2025-07-04' and unit_level = 'province' and period = 'since_start'"
    ) == [(0.8, 2, "02/07 16:00", 2 / 3 - 1)]


def test_the_online_rate_is_cut_by_unit_sector_level_and_applicant(built: Built) -> None:
    # A full, B partial, C unknown and in person; all of them hộ tịch, by citizens.
    assert built.rows(
        "select dimension, member, numerator, denominator from marts.online_submission_breakdown "
        "where period = 'since_start' and dimension <> 'procedure' order by 1, 2"
    ) == [
        ("applicant_type", "citizen", 2, 3),
        ("processing_unit", "NEW", 2, 2),
        ("processing_unit", "XXX", 0, 1),
        ("receiving_unit", "NEW", 2, 2),
        ("receiving_unit", "XXX", 0, 1),
        ("sector", "HT", 2, 3),
        ("service_level", "full", 1, 1),
        ("service_level", "partial", 1, 1),
        ("service_level", "unknown", 0, 1),
    ]


def test_what_is_open_and_overdue_is_known_for_every_day(built: Built) -> None:
    # All are due on the 3rd at 17:00; A was returned that night, on its due date, after two working days.
    assert built.rows(
        "select as_of_day::varchar, received, finished, on_time, median_working_days, open_total, "
        "open_overdue from marts.dossier_timeliness where period = 'day' and unit_code = 'province' "
        "and sector_code = 'all' order by 1"
    ) == [
        ("2025-07-01", 2, 0, 0, None, 3, 0),
        ("2025-07-02", 1, 0, 0, None, 4, 0),
        ("2025-07-03", 0, 1, 1, 2, 3, 3),
        ("2025-07-04", 0, 0, 0, None, 3, 3),
    ]
    assert built.rows(
        "select unit_role, numerator, denominator from marts.online_resolution_rate "
        "where period = 'month' and unit_code = 'province' and sector_code = 'all'"
    ) == [("processing", 1, 1)]


def test_form_ii06a_carries_june_over_and_its_columns_add_up(built: Built) -> None:
    assert built.rows(
        "select month::varchar, unit_name, sector_name, received_total, received_online, received_other, "
        "carried_over, resolved_total, resolved_on_time, open_total, open_in_term, open_overdue "
        "from marts.report_ii06a order by unit_code"
    ) == [
        ("2025-07-01", "Xã Mới", "Hộ tịch", 3, 2, 0, 1, 1, 1, 2, 0, 2),
        ("2025-07-01", "XXX", "Hộ tịch", 1, 0, 1, 0, 0, 0, 1, 0, 1),
    ]


def test_the_list_to_act_on_names_the_unit_of_today(built: Built) -> None:
    assert built.rows(
        "select dossier_code, alert, unit_name, working_days_left from marts.dossier_alerts order by 1"
    ) == [("B", "overdue", "Xã Mới", -1), ("C", "overdue", None, -1), ("J", "overdue", "Xã Mới", -1)]


def test_a_rate_without_a_base_has_a_reason(built: Built) -> None:
    # Nothing has an electronic result; the one procedure is free of charge and eligible for toàn trình.
    assert built.rows(
        "select metric, numerator, denominator, rate, missing_reason from marts.digital_service_rate "
        "where period = 'since_start' and unit_code = 'province' order by 1"
    ) == [
        ("digitisation_rate", 0, 3, 0.0, None),
        ("full_process_online_rate", 2, 3, 2 / 3, None),
        ("online_payment_rate", None, None, None, "nothing_to_count"),
    ]


def test_tasks_are_carried_to_the_as_of_day_by_the_newest_snapshot(built: Built) -> None:
    assert built.rows(
        "select as_of_day::varchar, total, done_on_time, open_in_term, open_overdue, colour "
        "from marts.task_completion where owner_level = 'province' and lead_agency_code = 'all' order by 1"
    ) == [("2025-07-03", 3, 1, 2, 0, "green"), ("2025-07-04", 3, 1, 0, 2, "red")]


def test_a_task_gone_from_the_tracker_is_withdrawn_and_a_silent_commune_is_counted(
    built: Built,
) -> None:
    assert built.rows(
        "select task_code, bucket, last_bucket, days_left, snapshot_day::varchar, withdrawn_on::varchar "
        "from marts.task_ledger where owner_level = 'commune' order by 1"
    ) == [
        ("X1", "open_in_term", "open_in_term", 4, "2025-07-03", None),
        ("X2", "withdrawn", "open_in_term", None, "2025-07-02", "2025-07-03"),
    ]
    assert built.rows(
        "select as_of_day::varchar, total, withdrawn, reporters_expected, reporters_missing, is_complete "
        "from marts.task_completion where owner_level = 'commune' and lead_agency_code = 'all' order by 1"
    ) == [
        ("2025-07-02", 2, 0, 2, 1, False),
        ("2025-07-03", 1, 1, 2, 1, False),
        ("2025-07-04", 1, 1, 2, 1, False),
    ]
    assert built.rows(
        "select task_code, unit_code, cell, unit_total, unit_rank from marts.task_commune_matrix order by all"
    ) == [
        ("X1", "HAI", "not_provided", 0, None),
        ("X1", "NEW", "open_in_term", 1, 1),
        ("X2", "HAI", "not_provided", 0, None),
        ("X2", "NEW", "withdrawn", 1, 1),
    ]


def test_the_history_of_a_task_tells_each_change_once(built: Built) -> None:
    assert built.rows(
        "select task_code, seen_on::varchar, change, field, from_value, to_value, is_deadline_extended "
        "from marts.task_ledger_history where owner_level = 'commune' order by 1, 2, 4"
    ) == [
        ("X1", "2025-07-02", "first_seen", "*", None, "open_in_term", False),
        ("X1", "2025-07-03", "changed", "due_date", "2025-07-03", "2025-07-08", True),
        ("X1", "2025-07-03", "changed", "progress", "10", "50", False),
        ("X2", "2025-07-02", "first_seen", "*", None, "open_in_term", False),
        ("X2", "2025-07-03", "withdrawn", "*", "open_in_term", "withdrawn", False),
    ]


def test_an_issue_moves_between_slices_and_one_that_is_gone_is_closed_as_withdrawn(built: Built) -> None:
    assert built.rows(
        "select as_of_day::varchar, category, addressed_to_level, opening, new_issues, moved_in, moved_out, "
        "closed_withdrawn, closing, overdue from marts.issue_backlog_daily order by all"
    ) == [
        ("2025-07-01", "land", "commune", 0, 1, 0, 0, 0, 1, 0),
        ("2025-07-01", "network", "commune", 0, 1, 0, 0, 0, 1, 0),
        ("2025-07-02", "land", "commune", 1, 0, 0, 0, 0, 1, 0),
        ("2025-07-02", "network", "commune", 1, 0, 0, 0, 0, 1, 0),
        ("2025-07-03", "land", "commune", 1, 0, 0, 0, 1, 0, 0),
        ("2025-07-03", "network", "commune", 1, 0, 0, 1, 0, 0, 0),
        ("2025-07-03", "network", "province", 0, 0, 1, 0, 0, 1, 1),
        ("2025-07-04", "network", "province", 1, 0, 0, 0, 0, 1, 1),
    ]
    assert built.rows(
        "select issue_code, step, addressed_to_level, direction, days, working_days, is_waiting_here "
        "from marts.issue_escalation order by all"
    ) == [
        ("I1", 1, "commune", "first", 2, 2, False),
        ("I1", 2, "province", "escalated", 1, 1, True),
        ("I2", 1, "commune", "first", 2, 2, False),
    ]
    assert built.rows(
        "select issue_code, responsible_role, assignment_basis, is_open, is_withdrawn, age_working_days "
        "from marts.issue_backlog order by 1"
    ) == [
        ("I1", "Tổ trưởng", "everything", True, False, 3),
        ("I2", "Tổ trưởng", "everything", False, True, 2),
    ]


def test_who_owes_a_report_and_who_gave_it_is_told_apart_from_who_owes_none(built: Built) -> None:
    # C of 2 July came to a unit nobody knows; no batch of the 4th has landed.
    assert built.rows(
        "select as_of_day::varchar, unit_code, status, reason from marts.reporting_completeness "
        "where source = 'dossier_log' and unit_code <> 'all' and as_of_day in ('2025-07-01', '2025-07-04') "
        "order by all"
    ) == [
        ("2025-07-01", "D1", "not_applicable", "receives_no_dossiers"),
        ("2025-07-01", "HAI", "not_provided", "unit_silent"),
        ("2025-07-01", "NEW", "reported", "delivered"),
        ("2025-07-04", "D1", "not_applicable", "receives_no_dossiers"),
        ("2025-07-04", "HAI", "not_provided", "source_not_delivered"),
        ("2025-07-04", "NEW", "not_provided", "source_not_delivered"),
    ]
    assert built.rows(
        "select unit_level, expected, reported, missing, not_applicable from marts.reporting_completeness "
        "where source = 'task_tracker' and unit_code = 'all' and as_of_day = '2025-07-04' order by 1"
    ) == [("commune", 2, 1, 1, 0), ("department", 0, 0, 0, 1), ("province", 1, 1, 0, 0)]


def test_a_check_that_found_nothing_is_told_too(built: Built) -> None:
    assert built.rows("select rule, unexpected_share, outcome from audit.checks order by 1") == [
        ("channel_missing", 0.0, "passed"),
        ("channel_unknown", 0.25, "rejected"),
    ]


def test_every_row_of_every_batch_is_accounted_for(built: Built) -> None:
    assert built.rows(
        "select batch_id, rows_read, rows_rejected, rows_staged, rows_repeated, rows_corrected, is_balanced "
        "from audit.reconciliation where source = 'dossier_log' order by 1"
    ) == [("b1", 4, 1, 1, 1, 1, True), ("b2", 3, 0, 3, 0, 0, True), ("b3", 1, 0, 1, 0, 0, True)]


# Each statement breaks what one or more of the data tests are there to notice.
DAMAGE = (
    "update audit.reconciliation set is_balanced = false where batch_id = 'b1'",
    "delete from marts.issue_backlog",
    "update marts.task_completion set open_overdue = open_overdue + 1",
    "update marts.task_completion_by_unit set withdrawn = 1, total = total + 1",
    "insert into marts.dim_unit from marts.dim_unit where unit_code = 'NEW'",
    "update marts.online_submission_rate set numerator = 1 where unit_code = 'NEW'",
    "update marts.online_submission_headline set received = received + 1",
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
    "task_completion: parts_add_up",
    "task_completion_by_unit: holds",
    "task_completion_by_unit: parts_add_up",
}


def test_the_data_tests_notice_what_they_are_there_for(built: Built, tmp_path: Path) -> None:
    # Broken in place and put back: another path would be another profile, and cost a whole parse.
    whole = shutil.copy(built.warehouse, tmp_path / "whole.duckdb")
    with duckdb.connect(str(built.warehouse)) as con:
        for damage in DAMAGE:
            con.execute(damage)
    before = built.contents()
    try:
        checked = dbt(built.warehouse, built.target, "test", "--select", "test_type:data")
        # Nothing is incremental: a build over whatever lies there is a build from nothing.
        dbt(built.warehouse, built.target, "run")
        rebuilt = built.contents()
    finally:
        shutil.copy(whole, built.warehouse)
    assert rebuilt == built.contents() != before
    nodes = built.manifest["nodes"]
    failed = [nodes[node] for node, status in checked.statuses.items() if status == "fail"]
    ours = {p.stem for p in (PROJECT / "tests").rglob("*.sql")}
    every = {kind(node) for node in nodes.values() if node["resource_type"] == "test"}
    assert ours == every - {"unique", "not_null", "accepted_values", "relationships"}
    assert ours - {kind(node) for node in failed} == set(), "passed on broken data"
    assert {f"{model_of(node)}: {kind(node)}" for node in failed if "test_metadata" in node} == NOTICED


def kind(test: dict[str, Any]) -> str:
    """The generic test that it is an instance of, or its own name."""
    return test["test_metadata"]["name"] if "test_metadata" in test else test["name"]


def model_of(test: dict[str, Any]) -> str:
    return test["attached_node"].split(".")[2]
