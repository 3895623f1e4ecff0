"""A year that nobody means, or the last day of some system, is a value, and is told at the end of the run."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from tests.cases.case_place import CasePlace

DAY = "2025-08-06"
# Typed for 2025, and what systems write for "without end" or "not set".
FAR = ["2052-08-20", "2105-08-20", "1925-08-20", "2005-08-06", "2015-08-06", "2035-08-06"]
ENDS = [
    "2050-12-31", "2049-12-31", "2037-12-31", "2100-01-01", "2100-12-31", "2078-12-31", "2199-12-31", "1901-01-01",
    "1900-01-02", "1950-01-01", "1990-01-01",
]  # fmt: skip
NEAR = ["2034-12-31", "2016-01-01", "2026-08-20", "2030-12-31"]


@pytest.mark.parametrize("source", ["task_tracker", "issue_register"])
def test_each_distant_day_is_told_and_stays_a_value(tmp_path: Path, source: str) -> None:
    dates = [*NEAR, *FAR, *ENDS]
    if source == "task_tracker":
        place = CasePlace("tracker_without_times", tmp_path)
        lines = [f"NV-{n:03d},Việc {n},Tỉnh,{day},Đang thực hiện,50%" for n, day in enumerate(dates)]
        (place.inbox / f"tracker_{DAY}.csv").write_text(
            "\n".join(["ma,noi_dung,cap,han,trang_thai,tien_do", *lines, ""]), encoding="utf-8"
        )
        column, values = "due_date", [date.fromisoformat(day) for day in dates]
    else:
        place = CasePlace("closed_before_opened", tmp_path)
        headers = "service_request_id,requested_datetime,agency,status,expected_datetime,closed_datetime"
        headers += ",updated_datetime"
        lines = [f"VM-{n:03d},2025-08-05T08:00:00,18001,open,{day}T00:00:00,," for n, day in enumerate(dates)]
        (place.inbox / f"requests_{DAY}.csv").write_text("\n".join([headers, *lines, ""]), encoding="utf-8")
        column, values = "due_at", [datetime.fromisoformat(f"{day}T23:59:59") for day in dates]
    day = place.validate_day(source, DAY)
    assert [row[column] for row in day.accepted] == values
    assert day.count_unexpected(f"{column}_distant") == len(FAR + ENDS)
    [warning] = place.list_warnings(day)
    assert f"{source}.{column}_distant" in warning
    assert str(len(FAR + ENDS)) in warning and "2052-08-20" in warning and "placeholder_dates" in warning


def test_a_dossier_of_long_ago_is_ordinary_and_one_of_another_century_is_not(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources("channel:", "received_at: ngay_nhan\n      due_at: hen_tra\n      channel:")
    place.change_sources('["%Y-%m-%d %H:%M:%S"]', '["%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]')
    days = ["2008-03-01", "2025-08-01", "2005-08-06", "1925-08-01"]
    lines = [
        f"H42.18-250806-{n:04d},2025-08-06 08:00:00,2,18001,2,{day},2025-09-01" for n, day in enumerate(days)
    ]
    (place.inbox / f"log_{DAY}.csv").write_text(
        "\n".join(["ma,thoi_diem,trang_thai,noi_nop,kenh,ngay_nhan,hen_tra", *lines, ""]), encoding="utf-8"
    )
    day = place.validate_day("dossier_log", DAY)
    assert len(day.accepted) == len(days)
    [warning] = place.list_warnings(day)
    assert "received_at_distant: 2 rows" in warning and "'2005-08-06'" in warning


def test_of_a_rejected_row_nothing_is_told_at_the_end(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.append_line(f"tracker_{DAY}.csv", "NV-003,Việc,Tỉnh,2052-08-20,Không rõ,50%")
    place.change_sources(
        'date_formats: ["%Y-%m-%d"]', 'date_formats: ["%Y-%m-%d"]\n    max_rejected_share: 0.5'
    )
    day = place.validate_day("task_tracker", DAY)
    assert day.rejected == {3: {"reported_status_unknown"}} and day.count_unexpected("due_date_distant") == 1
    assert place.list_warnings(day) == []


def test_a_day_that_the_place_names_itself_is_no_value_and_nothing_is_told(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.append_line(f"tracker_{DAY}.csv", "NV-003,Việc,Tỉnh,2050-12-31,Đang thực hiện,50%")
    place.change_sources(
        'date_formats: ["%Y-%m-%d"]', 'date_formats: ["%Y-%m-%d"]\n    placeholder_dates: [2050-12-31]'
    )
    day = place.validate_day("task_tracker", DAY)
    assert day.accepted[-1]["due_date"] is None and place.list_warnings(day) == []
