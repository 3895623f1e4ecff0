"""What a sheet hides is read, or not, by a setting, and always told; of .xlsx and .xls alike."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from pipelines.landing.batches import find_newest_batch
from pipelines.sources.errors import PermanentSourceError
from tests.cases.case_place import CasePlace

TASKS, DAY = "task_tracker", "2025-08-06"


def read_notes(place: CasePlace) -> str:
    batch = find_newest_batch(place.settings.landing, TASKS, DAY)
    assert batch is not None
    return "\n".join(batch.notes)


def test_rows_hidden_by_a_filter_are_read_and_told(tmp_path: Path) -> None:
    place = CasePlace("filtered_rows", tmp_path)
    day = place.validate_day(TASKS, DAY)
    assert sorted(row["progress"] for row in day.accepted) == [0, 50, 72, 100, 100]
    assert "3 rows are hidden by a filter and read (row " in read_notes(place)
    assert "`hidden_rows: leave_out` decides otherwise" in read_notes(place)


def test_a_place_may_leave_them_out_or_refuse_the_sheet(tmp_path: Path) -> None:
    place = CasePlace("filtered_rows", tmp_path)
    place.change_sources("header_marker: STT", "header_marker: STT\n    hidden_rows: leave_out")
    assert len(place.validate_day(TASKS, DAY).accepted) == 2
    assert "3 rows are hidden by a filter and left out" in read_notes(place)
    place = CasePlace("filtered_rows", tmp_path / "refuse")
    place.change_sources("header_marker: STT", "header_marker: STT\n    hidden_rows: refuse")
    with pytest.raises(PermanentSourceError, match=r"row \d+ is hidden by a filter"):
        place.validate_day(TASKS, DAY)


def test_a_hidden_column_and_a_hidden_sheet_that_are_read_are_told(tmp_path: Path) -> None:
    place = CasePlace("filtered_rows", tmp_path)
    file = place.inbox / f"tracker_{DAY}.xlsx"
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    headers = {cell.value: cell.column_letter for row in sheet.iter_rows(max_row=10) for cell in row}
    sheet.column_dimensions[headers["Tiến độ"]].hidden = True
    sheet.sheet_state = "hidden"
    book.create_sheet("Khác")
    book.save(file)
    place.change_sources("header_marker: STT", f"header_marker: STT\n    sheets: {{{sheet.title!r}: {{}}}}")
    place.validate_day(TASKS, DAY)
    assert f"sheet {sheet.title} is hidden; it was read" in read_notes(place)
    assert "hidden columns were read: 'Tiến độ'" in read_notes(place)


def test_what_is_too_low_or_too_narrow_to_be_seen_is_told_as_hidden(tmp_path: Path) -> None:
    place = CasePlace("filtered_rows", tmp_path)
    file = place.inbox / f"tracker_{DAY}.xlsx"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    # As Excel writes a row that was dragged shut, and columns: C has a pixel left, H none.
    members[sheet] = (
        members[sheet]
        .replace(b' hidden="1"', b"")
        .replace(b'<row r="5"', b'<row r="5" ht="0" customHeight="1"')
        .replace(b'<row r="7"', b"<row r='7' ht='0.75' customHeight='1'")
        .replace(
            b"<sheetData>",
            b'<cols><col min="3" max="3" width="0.140625" customWidth="1"/>'
            b'<col min="8" max="8" width="0" customWidth="1"/></cols><sheetData>',
        )
    )
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert len(place.validate_day(TASKS, DAY).accepted) == 5
    assert "2 rows are hidden by a filter and read (row 5, 7)" in read_notes(place)
    assert "hidden columns were read: 'Nội dung nhiệm vụ', 'Tiến độ'" in read_notes(place)


def write_xls(
    rows: list[list[Any]],
    formats: dict[tuple[int, int], str],
    hidden: Collection[int] = (),
    low: Collection[int] = (),
    narrow: Collection[int] = (),
) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("NV")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            style = xlwt.easyxf(num_format_str=formats.get((number, column), "General"))
            sheet.write(number, column, value, style)
        sheet.row(number).hidden = number in hidden
        if number in low:
            sheet.row(number).height_mismatch, sheet.row(number).height = True, 0
    for column in narrow:
        sheet.col(column).width = 0
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


@pytest.mark.parametrize("extra_rows", [0, 400])
def test_an_xls_tells_the_same_and_shows_its_numbers(tmp_path: Path, extra_rows: int) -> None:
    """`extra_rows`: a small stream lies elsewhere in the container than a large one."""
    place = CasePlace("filtered_rows", tmp_path)
    place.change_sources("tracker_{partition}.xlsx", "tracker_{partition}.xls")
    labels = "STT, Mã nhiệm vụ, Nội dung nhiệm vụ, Cấp giao, Mã đơn vị báo cáo, Hạn hoàn thành, Trạng thái, Tiến độ"
    header = [*labels.split(", "), "Ngày hoàn thành"]
    rows: list[list[Any]] = [
        [n, f"NV-{n:03d}", "a", "Xã", 4, "31/12/2025", "Đang thực hiện", 0.72 if n % 2 else 1, None]
        for n in range(1, 4 + extra_rows)
    ]
    formats = {(n, 4): "00000" for n in range(1, len(rows) + 1)}
    formats |= {(n, 7): "0%" for n in range(1, len(rows) + 1)}
    (place.inbox / f"tracker_{DAY}.xls").write_bytes(write_xls([header, *rows], formats, [2], [3], [7]))
    accepted = place.validate_day(TASKS, DAY).accepted
    assert {row["unit_code"] for row in accepted} == {"00004"}
    assert [row["progress"] for row in accepted[:3]] == [72, 100, 72]
    assert "2 rows are hidden and read (row 3, 4)" in read_notes(place)
    assert "hidden columns were read: 'Tiến độ'" in read_notes(place)
