"""Times as services and spreadsheets write them: fractions, /Date(…)/, seconds since 1970, SA and CH, none."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.cases.case_place import CasePlace


def test_fractions_are_cut_and_the_year_1_is_no_date(tmp_path: Path) -> None:
    day = CasePlace("dotnet_json_times", tmp_path).validate_day("dossier_log", "2025-08-06")
    times = {row["dossier_code"][-1]: row["recorded_at"] for row in day.accepted}
    assert times["1"] == datetime(2025, 8, 6, 9, 30, 0, 123456)
    assert times["2"] == datetime(2025, 8, 6, 9, 30, 0, 500000)
    assert times["6"] == datetime(2025, 8, 6, 23, 59, 59, 999999)
    assert set(times) == {"1", "2", "3", "4", "6"}
    third, fourth = (row for row in day.accepted if row["dossier_code"][-1] in "34")
    assert (third["finished_at"], third["returned_at"], fourth["due_at"]) == (None, None, None)
    assert day.rejected == {
        5: {"recorded_at_unparseable", "synced_at_unparseable", "received_at_unparseable"}
    }


def test_the_check_names_the_word_that_reads_them_and_with_it_they_are_read(tmp_path: Path) -> None:
    place = CasePlace("dotnet_json_times", tmp_path)
    seen = place.examine("dossier_log", "2025-08-06")
    assert any("'dotnet' would (milliseconds since 1970" in advice.text for advice in seen.advice)
    place.change_sources("datetime_formats: [", "datetime_formats: [dotnet, ")
    day = place.validate_day("dossier_log", "2025-08-06")
    fifth = next(row for row in day.accepted if row["dossier_code"][-1] == "5")
    assert (fifth["recorded_at"], fifth["received_at"]) == (
        datetime(2025, 8, 6, 9, 30),
        datetime(2025, 8, 6, 8, 0),
    )
    assert not day.rejected


def test_numbers_since_1970_are_read_by_their_word_and_suggested_without(tmp_path: Path) -> None:
    place = CasePlace("dotnet_json_times", tmp_path)
    file = place.inbox / "log_2025-08-06.json"
    [first, *_] = json.loads(file.read_text(encoding="utf-8"))["items"]
    moments = [1754447400, "1754447400.75", 1754447400000]
    file.write_text(json.dumps({"items": [first | {"thoiDiemXuLy": moment} for moment in moments]}))
    seen = place.examine("dossier_log", "2025-08-06")
    texts = " ".join(advice.text for advice in seen.advice if advice.about == "recorded_at")
    assert "'epoch' would (seconds since 1970)" in texts
    assert "'epoch_ms' would (milliseconds since 1970)" in texts
    place.change_sources("datetime_formats: [", "datetime_formats: [epoch, epoch_ms, ")
    day = place.validate_day("dossier_log", "2025-08-06")
    assert [row["recorded_at"] for row in day.accepted] == [datetime(2025, 8, 6, 9, 30)] * 3


@pytest.mark.parametrize(
    ("day", "code"), [("2025-08-06", "H42.18-250731-00002"), ("2025-08-07", "H42.18-250731-00002")]
)
def test_sa_and_ch_are_am_and_pm(tmp_path: Path, day: str, code: str) -> None:
    result = CasePlace("sa_ch_twelve_hours", tmp_path).validate_day("dossier_log", day)
    received = {row["received_at"] for row in result.accepted if row["dossier_code"] == code} - {None}
    assert received == {datetime(2025, 7, 31, 15, 39)}
    noon = {row["submitted_at"] for row in result.accepted if row["dossier_code"].endswith("250726-00011")}
    assert noon == {datetime(2025, 7, 26, 12, 51)}
    assert not result.rejected


def test_the_check_says_what_sa_and_ch_are_where_no_format_reads_them(tmp_path: Path) -> None:
    place = CasePlace("sa_ch_twelve_hours", tmp_path)
    place.change_sources('"%d/%m/%Y %I:%M:%S %p", ', "")
    seen = place.examine("dossier_log", "2025-08-06")
    assert any("SA and CH stand for AM and PM" in advice.text for advice in seen.advice)


def test_a_tracker_of_dates_alone_needs_no_format_of_times(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    day = place.validate_day("task_tracker", "2025-08-06")
    assert [(row["task_code"], row["progress"], row["due_date"]) for row in day.accepted] == [
        ("NV-001", 100, date(2025, 8, 20)),
        ("NV-002", 50, date(2025, 8, 20)),
    ]
    assert place.examine("task_tracker", "2025-08-06").ok
