"""Several sheets or files that are one delivery: scales that differ, and a copy beside its original, are told."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from tests.cases.case_place import TASK_LABELS, CasePlace
from tests.cases.test_marked_sheets import make_row

DAY, TASKS = "2025-08-06", "task_tracker"


def list_warnings(place: CasePlace) -> list[str]:
    return place.list_warnings(place.validate_day(TASKS, DAY))


@pytest.mark.parametrize(
    ("first", "second", "is_told"),
    [([1, 0, 1], [100, 50, 30], True), ([100, 0, 1], [100, 50, 30], False), ([0, 0, 0], [100, 50], False)],
)
def test_a_sheet_of_fractions_among_sheets_of_per_cents_is_told(
    tmp_path: Path, first: list[int], second: list[int], is_told: bool
) -> None:
    place = CasePlace("native_percent", tmp_path)
    place.change_sources("header_marker: STT", "header_marker: STT\n    sheets: {'Nhóm *': {}}")
    book, number = openpyxl.Workbook(), 0
    for title, shares in (("Nhóm A", first), ("Nhóm B", second)):
        sheet = book.create_sheet(title)
        sheet.append(list(TASK_LABELS))
        for share in shares:
            number += 1
            sheet.append([*make_row(number)[:7], share, None])
    book.save(place.inbox / f"tracker_{DAY}.xlsx")
    warnings = [text for text in list_warnings(place) if "without a % sign" in text]
    assert bool(warnings) is is_told
    assert not is_told or ("'Tiến độ'" in warnings[0] and "sheet Nhóm A" in warnings[0])


HEADER = "ma,noi_dung,cap,han,trang_thai,tien_do\n"


def write_task(code: str) -> str:
    return f"{HEADER}{code},Việc,Tỉnh,2025-08-20,Đang thực hiện,50%\n"


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("tracker_2025-08-06 - Copy.csv", True),
        ("tracker_2025-08-06 (1).csv", True),
        ("tracker_2025-08-06 - Sao chép.csv", True),
        ("tracker_2025-08-06_old.csv", True),
        ("tracker_2025-08-06_xa.csv", False),
    ],
)
def test_a_copy_that_a_pattern_catches_is_told(tmp_path: Path, name: str, is_told: bool) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources("tracker_{partition}.csv", "tracker_{partition}*.csv")
    (place.inbox / name).write_text(write_task("NV-009"), encoding="utf-8")
    day = place.validate_day(TASKS, DAY)
    assert len(day.accepted) == 3
    warnings = place.list_warnings(day)
    assert [name in text and "a copy" in text for text in warnings] == ([True] if is_told else [])


@pytest.mark.parametrize(("other", "is_told"), [("cu/t.csv", True), ("xa.csv", False)])
def test_an_older_folder_in_an_archive_is_told(tmp_path: Path, other: str, is_told: bool) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("t.csv", write_task("NV-001"))
        archive.writestr(other, write_task("NV-002"))
    (place.inbox / f"tracker_{DAY}.csv").write_bytes(data.getvalue())
    assert bool(list_warnings(place)) is is_told
