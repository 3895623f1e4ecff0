"""The marts of dossiers on the province that is small enough to count by hand (small_warehouse.py)."""

from __future__ import annotations

import pytest

from tests.unit.small_warehouse import Built

pytestmark = pytest.mark.slow


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
