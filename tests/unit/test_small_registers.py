"""The marts of tasks, issues, feedback and reporting on the province that is small enough to count by hand."""

from __future__ import annotations

import pytest

from tests.unit.small_warehouse import Built

pytestmark = pytest.mark.slow


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


def test_feedback_has_its_next_step_and_one_that_is_gone_is_withdrawn(built: Built) -> None:
    # Two working days after the answer of Thursday: the 5th, a Saturday that is worked.
    assert built.rows(
        "select feedback_code, is_open, is_withdrawn, next_step, due_at::varchar, is_overdue, working_days_late, "
        "is_answered_in_time, is_complained_again, responsible_role from marts.feedback_backlog order by 1"
    ) == [
        ("F1", True, False, "publish", "2025-07-05 23:59:59", False, None, True, True, "Tổ trưởng"),
        ("F2", False, True, "none", None, False, None, None, False, "Tổ trưởng"),
        ("F3", False, False, "none", None, False, None, None, False, "Tổ trưởng"),
        ("F4", True, False, "decide", "2025-07-04 10:00:00", True, 0, False, False, "Tổ trưởng"),
    ]


def test_satisfaction_counts_a_month_by_unit_and_sector(built: Built) -> None:
    # Rated: F1 with 1, F3 with 5. Not undisputed: F1, and F4, whose own due time is past.
    assert built.rows(
        "select unit_code, sector_code, received, handled, answered_in_time, due_or_answered, ratings, satisfied, "
        "dissatisfied, mean_satisfaction, undisputed, is_small from marts.satisfaction "
        "where month = '2025-07-01' order by 1, 2"
    ) == [
        ("HAI", "all", 1, 0, 0, 0, 0, 0, 0, None, 1, True),
        ("HAI", "unknown", 1, 0, 0, 0, 0, 0, 0, None, 1, True),
        ("NEW", "HT", 3, 1, 1, 2, 2, 1, 1, 3.0, 1, True),
        ("NEW", "all", 3, 1, 1, 2, 2, 1, 1, 3.0, 1, True),
        ("province", "HT", 3, 1, 1, 2, 2, 1, 1, 3.0, 1, True),
        ("province", "all", 4, 1, 1, 2, 2, 1, 1, 3.0, 2, True),
        ("province", "unknown", 1, 0, 0, 0, 0, 0, 0, None, 1, True),
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
