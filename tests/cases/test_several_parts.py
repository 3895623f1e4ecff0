"""Several sheets or files that are one delivery: scales that differ, and a copy beside its original, are told."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import duckdb
import openpyxl
import pytest

from pipelines.sources.files.several_parts import DeliveryPart, note_capped_parts
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


@pytest.mark.parametrize(
    ("sizes", "is_told"),
    [
        # An export per commune, of which two stop at the limit of the portal; one that stops at its thousand.
        ({"xa_a.csv": 500, "xa_b.csv": 120, "xa_c.csv": 500}, True),
        ({"xa_a.csv": 1000, "xa_b.csv": 120}, True),
        ({"xa_a.csv": 500, "xa_b.csv": 120}, False),
        # A sheet of .xls that is full below two lines of header.
        ({"b.xls, sheet Xã A": 65_534, "b.xls, sheet Xã B": 700}, True),
        # Cut into pieces on purpose: the last one is what was left, in whatever order; or it is cut, too.
        ({"log_2025-08-06_1.csv": 1000, "log_2025-08-06_2.csv": 1000, "log_2025-08-06_3.csv": 17}, False),
        ({"log_1.csv": 1000, "log_10.csv": 17} | {f"log_{n}.csv": 1000 for n in range(2, 10)}, False),
        ({"log_1.csv": 1000, "log_2.csv": 1000}, True),
        # Units by their codes are no pieces, and as many rows in each are no limit.
        ({"xa_18001.csv": 1000, "xa_18004.csv": 17}, True),
        ({"xa_a.csv": 60, "xa_b.csv": 60}, False),
        ({"xa_a.csv": 0, "xa_b.csv": 0}, False),
        ({"all.csv": 1000}, False),
    ],
)
def test_parts_that_end_at_a_limit_are_told(sizes: dict[str, int], is_told: bool) -> None:
    parts = [DeliveryPart(label, {}, f"select 1 from range({count})") for label, count in sizes.items()]
    with duckdb.connect() as con:
        notes = list(note_capped_parts(con, parts))
    assert len(notes) == is_told
    assert all(note.startswith("please check: ") and str(max(sizes.values())) in note for note in notes)


def test_the_files_of_a_pattern_are_counted_one_by_one(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources("tracker_{partition}.csv", "tracker_{partition}*.csv")
    for name, count in (("", 100), ("_xa", 30), ("_so", 100)):
        rows = "".join(f"NV-{name}{n},Việc,Tỉnh,2025-08-20,Đang thực hiện,50%\n" for n in range(count))
        (place.inbox / f"tracker_{DAY}{name}.csv").write_text(HEADER + rows, encoding="utf-8")
    [warning] = [text for text in list_warnings(place) if "limit" in text]
    assert (
        "2 of 3 parts end after exactly 100 rows ('tracker_2025-08-06.csv', 'tracker_2025-08-06_so.csv')"
        in warning
    )
