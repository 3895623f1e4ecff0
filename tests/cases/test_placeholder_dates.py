"""Placeholders, words and impossible years are never dates: 1900-01-01, infinity, 3020."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.cases.case_place import CasePlace


def test_a_dossier_whose_receipt_is_1900_is_not_received(tmp_path: Path) -> None:
    day = CasePlace("sql_server_1900", tmp_path).validate_day("dossier_log", "2025-08-07")
    codes = {row["dossier_code"] for row in day.accepted}
    received = {row["dossier_code"] for row in day.accepted if row["status_code"] != 1}
    assert len(codes) == 10
    assert codes - received == {"H42.18-250805-00061", "H42.18-250805-00062"}
    assert not day.rejected
    assert min(row["recorded_at"] for row in day.accepted) > datetime(2025, 7, 1)
    assert all(row["received_at"] is None for row in day.accepted if row["dossier_code"] not in received)
    assert day.count_unexpected("due_at_placeholder") > 0


def test_a_place_that_names_the_placeholder_itself_hears_nothing_of_it(tmp_path: Path) -> None:
    place = CasePlace("sql_server_1900", tmp_path)
    place.change_sources("null_values:", "placeholder_dates: [1900-01-01]\n    null_values:")
    day = place.validate_day("dossier_log", "2025-08-07")
    assert len({row["dossier_code"] for row in day.accepted}) == 10
    assert day.count_unexpected("due_at_placeholder") == 0


def test_finish_and_return_of_1900_leave_a_dossier_open(tmp_path: Path) -> None:
    day = CasePlace("sql_server_1900", tmp_path).validate_day("dossier_log", "2025-08-06")
    assert not day.rejected
    open_dossier = [row for row in day.accepted if row["dossier_code"] == "H42.18-250731-00002"]
    assert {row["status_code"] for row in open_dossier} == {1, 2, 4}
    assert all(row["finished_at"] is None for row in open_dossier)


def test_the_check_counts_the_rows_of_each_placeholder_and_says_where_it_belongs(tmp_path: Path) -> None:
    seen = CasePlace("sql_server_1900", tmp_path).examine("dossier_log", "2025-08-07")
    [advice] = [a for a in seen.advice if a.about == "due_at" and "1900-01-01" in a.text]
    assert "placeholder_dates" in advice.text
    assert seen.changes["placeholder_dates"] == ["1900-01-01"]


PLACEHOLDERS = [
    "1900-01-01 00:00:00", "1900-01-01 07:06:40", "1970-01-01 07:00:00", "1970-01-01 00:00:00",
    "1899-12-30 00:00:00", "0001-01-01 00:00:00", "1753-01-01 00:00:00", "9999-12-31 23:59:59",
    "0000-00-00 00:00:00", "2079-06-06 23:59:00", "1980-01-01 00:00:00", "1960-01-01 07:00:00",
    "2000-01-01 00:00:00", "2001-01-01 00:00:00",
]  # fmt: skip
WORDS = ["infinity", "-infinity", "Infinity", "epoch", "now", "today", "NaT", "nan", "null"]
YEARS = ["3020", "1025", "0025", "2200", "1899"]


def test_where_a_time_is_needed_the_row_is_rejected_by_what_stands_there(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    expected = {text: {"recorded_at_placeholder"} for text in PLACEHOLDERS}
    expected |= {word: {"recorded_at_unparseable", "synced_at_unparseable"} for word in WORDS}
    expected |= {f"{year}-08-06 10:00:00": {"recorded_at_implausible"} for year in YEARS}
    for text in expected:
        place.append_line("log_2025-08-06.csv", f"H42.18-250806-0009,{text},2,18001,2")
    place.append_line("log_2025-08-06.csv", "H42.18-000101-0001,2000-01-01 09:30:00,2,18001,2")
    day = place.validate_day("dossier_log", "2025-08-06")
    assert {text: day.rejected.get(row) for row, text in enumerate(expected, 4)} == expected
    # Somebody may have worked on the morning of 01/01/2000; nobody did at its first second.
    assert len(day.accepted) == 3 + 1


def test_requests_closed_in_3020_or_1900_and_opened_next_year_are_each_named(tmp_path: Path) -> None:
    day = CasePlace("closed_before_opened", tmp_path).validate_day("issue_register", "2025-08-06")
    assert day.rejected[1] == {"resolved_before_reported"}
    assert day.rejected[5] == {"resolved_at_implausible"}
    assert day.rejected[7] == {"resolved_before_reported", "reported_after_export"}
    assert day.count_unexpected("resolved_at_placeholder") == 1
    assert {row["resolved_at"] for row in day.accepted if row["issue_code"] == "SR00009"} == {
        datetime(2025, 7, 31, 0, 5)
    }
