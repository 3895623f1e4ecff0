"""Workbooks as people export them (docs/domain.md §7), and as an attacker would send them."""

from __future__ import annotations

import gzip
import random
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
import xlwt
from hypothesis import HealthCheck, given
from hypothesis import settings as cases
from hypothesis import strategies as st

from pipelines.settings import Settings
from pipelines.sources.errors import DeliveryRefused, PermanentSourceError, SourceError
from tests.unit.files_support import landed, put, workbook
from tests.unit.workbook_support import TABLE, edited, pair_source, read, sheet_source


def test_a_sheet_with_title_merged_headers_groups_and_totals(settings: Settings) -> None:
    lines = [
        [None, "BAN CHỈ ĐẠO"],
        [],
        [None, "STT", "Mã", "Thời gian", None],
        [None, None, None, "Bắt đầu", "Hạn"],
        [None, "(1)", "(2)", "(3)", "(4)=(3)+1"],
        [None, None, "I. Nhóm việc"],
        [None, 1, "NV-01", date(2025, 8, 1), "06/08/2025"],
        [None, 1.1, "NV-01a", None, None],
        [None, None, "Tổng cộng", 2],
        [None, None, "Trong đó: hoàn thành", 1],
    ]
    workbook(settings, "2025-08-06.xlsx", {"A": lines}, "D3:E3", "B3:B4", "C3:C4")
    assert read(settings, sheet_source()) == [("NV-01", "2025-08-01", "06/08/2025"), ("NV-01a", None, None)]
    notes = " ".join(landed(settings, sheet_source()).notes)
    assert "1 headings and notes, 2 totals and their parts" in notes


@pytest.mark.parametrize("levels", [2, 3, 8])
def test_header_rows_are_joined_from_the_top_down(settings: Settings, levels: int) -> None:
    names = [f"cấp {n}" for n in range(levels - 1)]
    top = [["STT", "Mã", names[0]]] + [[None, None, name] for name in names[1:]]
    lines = [*top, [None, None, "Bắt đầu", "Hạn"], [1, "A", "x", "y"]]
    wide = [f"C{row}:D{row}" for row in range(1, levels)]
    workbook(settings, "2025-08-06.xlsx", {"A": lines}, *wide, f"A1:A{levels}", f"B1:B{levels}")
    joined = " ".join(names)
    one = pair_source(
        key=("a",), columns=({"name": "a", "raw": f"{joined} Bắt đầu"}, {"name": "b", "raw": f"{joined} Hạn"})
    )
    assert read(settings, one) == [("x", "y")]


def test_header_cells_that_are_not_really_merged_are_filled_forward(settings: Settings) -> None:
    lines = [["STT", "Mã", "Thời gian", None], [None, None, "Bắt đầu", "Hạn"], [1, "A", "x", "y"]]
    workbook(settings, "2025-08-06.xlsx", {"A": lines})
    assert read(settings, sheet_source()) == [("A", "x", "y")]


def test_no_row_is_lost_between_those_read_ahead_and_the_rest(settings: Settings) -> None:
    lines = [TABLE[0], *([n, str(n), "x"] for n in range(1, 121))]
    workbook(settings, "2025-08-06.xlsx", {"A": lines})
    assert [code for code, _ in read(settings, pair_source())] == [str(n) for n in range(1, 121)]


def test_a_row_of_bare_column_numbers_is_no_record(settings: Settings) -> None:
    """Form II.06a numbers its columns 1, 2, 3=4+5 (docs/domain.md §3)."""
    workbook(settings, "2025-08-06.xlsx", {"A": [TABLE[0], [1, 2, "3=4+5"], *TABLE[1:]]})
    assert read(settings, pair_source()) == [("A", "x"), ("B", "y")]


def test_the_header_is_looked_for_in_forty_rows_and_no_further(settings: Settings) -> None:
    blank: list[list[Any]] = [["tiêu đề"]]
    workbook(settings, "2025-08-06.xlsx", {"A": blank * 39 + TABLE})
    assert read(settings, pair_source()) == [("A", "x"), ("B", "y")]
    workbook(settings, "2025-08-06.xlsx", {"A": blank * 40 + TABLE})
    with pytest.raises(PermanentSourceError, match="sheet 'A' has no header row with 'STT' in its first 40"):
        landed(settings, pair_source())


def test_hierarchical_ordinals_are_records_and_a_record_that_lost_its_ordinal_is_kept(
    settings: Settings,
) -> None:
    lines = [["STT", "Mã", "Nội dung"], ["1.", "A", "x"], ["1.1.2", "B", "y"], [None, "C", "z"]]
    workbook(settings, "2025-08-06.xlsx", {"A": lines})
    assert read(settings, pair_source()) == [("A", "x"), ("B", "y"), ("C", "z")]


def test_what_is_left_out_and_doubtful_is_named_by_its_row(settings: Settings) -> None:
    lines = [["STT", "Mã", "Nội dung", "Khác", "Nữa"], [1, "A", "x"], [None, None, "y", "z", "w"]]
    workbook(settings, "2025-08-06.xlsx", {"A": lines})
    batch = landed(settings, pair_source())
    assert batch.rows == 1 and any(note.endswith("left out: row 3") for note in batch.notes)


def test_a_cell_merged_downwards_holds_for_every_record_it_covers(settings: Settings) -> None:
    lines = [["STT", "Mã", "Nội dung"], [1, "A", "chung"], [2, "B", None], [3, "C", None]]
    workbook(settings, "2025-08-06.xlsx", {"A": lines}, "C2:C3")
    assert read(settings, pair_source()) == [("A", "chung"), ("B", "chung"), ("C", None)]


@pytest.mark.parametrize(
    ("again", "expected"),
    [
        ([["STT", "Mã", "Nội dung"]], ["A", "B", "C"]),
        ([["stt ", "MÃ", "Nội\u00a0dung"], ["(1)", "(2)", "(3)"]], ["A", "B", "C"]),
        ([["Trang 2"], ["STT", "Mã", "Nội dung"]], ["A", "B", "C"]),
    ],
)
def test_the_header_of_every_printed_page_is_no_record(
    settings: Settings, again: list[list[Any]], expected: list[str]
) -> None:
    numbers = again[-1:] if again[-1][0] == "(1)" else []
    workbook(settings, "2025-08-06.xlsx", {"A": [TABLE[0], *numbers, *TABLE[1:], *again, [3, "C", "z"]]})
    assert [code for code, _ in read(settings, pair_source())] == expected
    assert any("1 times the header again" in note for note in landed(settings, pair_source()).notes)


def test_a_second_table_with_other_headers_is_refused_by_its_row(settings: Settings) -> None:
    """Read below the first one's headers, its titles would be codes."""
    workbook(settings, "2025-08-06.xlsx", {"A": [*TABLE, [], ["STT", "Nội dung", "Mã"], [1, "z", "C"]]})
    with pytest.raises(PermanentSourceError, match="sheet 'A', row 5: another table begins"):
        read(settings, pair_source())


@pytest.mark.parametrize("total", ["Tổng cộng", "Grand total", "Subtotal:", "TOTAL", "Sum"])
def test_a_table_without_ordinals_has_another_marker(settings: Settings, total: str) -> None:
    lines = [["Mã", "Nội dung"], ["A", "x"], [total, 2], [None, "mất mã", 3]]
    workbook(settings, "2025-08-06.xlsx", {"A": lines})
    assert read(settings, pair_source(header_marker="Mã")) == [("A", "x"), (None, "mất mã")]


@pytest.mark.parametrize("title", ["Tổng số hóa hồ sơ lưu trữ", "Trong đó, rà soát thủ tục"])
def test_a_record_that_begins_with_the_word_of_a_total_is_a_record(settings: Settings, title: str) -> None:
    """All that the contract requires is there, and not only numbers."""
    lines = [["Nội dung", "Mã", "Số"], [title, "A1", 3], ["x", "B1", 4], ["Tổng số", None, 7]]
    workbook(settings, "2025-08-06.xlsx", {"A": lines})
    read_rows = read(settings, pair_source(header_marker="Nội dung"))
    assert read_rows == [("A1", title), ("B1", "x")]


@pytest.mark.parametrize(
    ("cell", "shape", "records"),
    [
        ("000.00.18-250806-0001", None, 2),
        ("NV-7", "NV-[0-9]+", 2),
        ("II. Xã Một", None, 1),
        ("1.1", None, 1),
        ("2025", "NV-[0-9]+", 1),
    ],
)
def test_a_code_alone_in_its_row_is_a_record_that_lost_the_rest_and_no_heading(
    settings: Settings, cell: str, shape: str | None, records: int
) -> None:
    workbook(settings, "2025-08-06.xlsx", {"A": [["Mã", "Nội dung"], ["NV-1", "x"], [cell]]})
    columns = (
        {"name": "code", "raw": "Mã", "required": True, "shape": shape},
        {"name": "note", "raw": "Nội dung"},
    )
    assert landed(settings, pair_source(header_marker="Mã", columns=columns)).rows == records


def test_the_lock_of_an_open_workbook_is_no_export(settings: Settings) -> None:
    workbook(settings, "so_2025-08-06.xlsx", {"A": TABLE})
    put(settings, "~$so_2025-08-06.xlsx", b"\x05Clerk" + bytes(159))
    assert read(settings, pair_source(path="{data}/in/*{partition}.xlsx")) == [("A", "x"), ("B", "y")]


def test_sheets_are_chosen_by_name_or_pattern_and_give_their_constants(settings: Settings) -> None:
    sheets = {"Cấp tỉnh": TABLE, "Xã 1": TABLE[:2], "Xã 2": [TABLE[0], TABLE[2]], "Ghi chú": [["x"]]}
    workbook(settings, "2025-08-06.xlsx", sheets)
    columns = (
        {"name": "code", "raw": "Mã"},
        {"name": "level", "raw": "level"},
        {"name": "s", "raw": "_sheet"},
    )
    one = sheet_source(
        columns=columns, repeated_keys="accept", sheets={"Cấp tỉnh": {"level": "p"}, "Xã *": {"level": "c"}}
    )
    assert read(settings, one) == [
        ("A", "p", "Cấp tỉnh"), ("B", "p", "Cấp tỉnh"), ("A", "c", "Xã 1"), ("B", "c", "Xã 2"),
    ]  # fmt: skip
    assert "sheets not read: Ghi chú" in landed(settings, one).notes
    with pytest.raises(PermanentSourceError, match="no sheet 'Huyện'; found 'Cấp tỉnh', 'Xã 1'"):
        landed(settings, sheet_source(sheets={"Huyện": {}}))


def test_native_cells_become_text_that_typing_reads_back(settings: Settings) -> None:
    columns = tuple(
        {"name": name, "raw": name, "type": kind}
        for name, kind in [
            ("whole", "integer"), ("fraction", "integer"), ("code", "text"), ("day", "date"),
            ("moment", "timestamp"), ("flag", "boolean"), ("share", "percent"),
        ]
    )  # fmt: skip
    line = [1, 12.0, 1.234, 123456789012, date(2025, 8, 1), datetime(2025, 8, 1, 9, 5), True, 0.5]
    workbook(
        settings,
        "2025-08-06.xlsx",
        {"A": [["STT", *(column_number["name"] for column_number in columns)], line]},
    )
    one = sheet_source(
        key=("code",), columns=columns, datetime_formats=("%d/%m/%Y %H:%M",), date_formats=("%d/%m/%Y",)
    )
    # 1.234 in a Vietnamese number column must not become one thousand two hundred thirty-four.
    assert read(settings, one) == [
        ("12", "1,234", "123456789012", "01/08/2025", "01/08/2025 09:05", "true", "0,5")
    ]


def test_an_old_xls_is_read_alike(settings: Settings) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    for row_number, line in enumerate([["STT", "Mã", "Nội dung"], [1, "A", 7], [2, "B", date(2025, 8, 1)]]):
        for column_number, cell in enumerate(line):
            style = xlwt.easyxf(num_format_str="dd/mm/yyyy") if isinstance(cell, date) else xlwt.XFStyle()
            sheet.write(row_number, column_number, cell, style)
    path = settings.data / "in" / "2025-08-06.xls"
    path.parent.mkdir()
    book.save(str(path))
    one = pair_source(path="{data}/in/{partition}.xls", format="xls")
    assert read(settings, one) == [("A", "7"), ("B", "2025-08-01")]


def test_a_workbook_inside_a_gz_is_read_and_letters_are_composed(settings: Settings) -> None:
    path = workbook(settings, "x.xlsx", {"A": [TABLE[0], [1, " A\u00a0", "Nghê\u0323 An"]]})
    put(settings, "2025-08-06.xlsx", gzip.compress(path.read_bytes()))
    assert read(settings, pair_source()) == [("A", "Nghệ An")]


FIRST_NOTE = '<c r="C2" t="inlineStr"><is><t>x</t></is></c>'


def test_the_stored_value_of_a_formula_is_read(settings: Settings) -> None:
    edited(settings, (FIRST_NOTE, '<c r="C2" t="str"><f>"a"&amp;B2</f><v>aA</v></c>'))
    assert read(settings, pair_source()) == [("A", "aA"), ("B", "y")]


@pytest.mark.parametrize("value", ["", "<v/>", "<v></v>"])
def test_a_formula_without_a_stored_value_is_named_by_sheet_and_cell(settings: Settings, value: str) -> None:
    edited(settings, (FIRST_NOTE, f'<c r="C2"><f>1+1</f>{value}</c>'))
    with pytest.raises(PermanentSourceError, match="sheet 'A', cell C2: a formula without a stored value"):
        landed(settings, pair_source())


def test_a_formula_without_a_value_outside_the_records_harms_nothing(settings: Settings) -> None:
    workbook(settings, "2025-08-06.xlsx", {"A": [*TABLE, ["Tổng cộng", None, "=SUM(A2:A3)"]]})
    assert len(read(settings, pair_source())) == 2


def test_the_empty_text_of_a_formula_is_a_value_and_an_error_is_kept_as_it_shows(settings: Settings) -> None:
    edited(
        settings,
        (FIRST_NOTE, '<c r="C2" t="str"><f>""</f><v></v></c>'),
        ('<c r="C3" t="inlineStr"><is><t>y</t></is></c>', '<c r="C3" t="e"><f>1/0</f><v>#DIV/0!</v></c>'),
    )
    assert read(settings, pair_source()) == [("A", None), ("B", "#DIV/0!")]


# --- properties -----------------------------------------------------------------------------------
PROPERTY = cases(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(-(10.0**14), 10.0**14, allow_nan=False, allow_infinity=False),
    st.dates(date(1901, 1, 1), date(2199, 1, 1)),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(lambda t: t.lstrip("=")),
)


@PROPERTY
@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=6))
def test_every_numbered_row_of_any_cells_is_accounted_for(settings: Settings, lines: list) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["STT", "Mã", "Nội dung"])
    for number, cells in enumerate(lines, 1):
        sheet.append([f"{number}.", *cells])
    path = settings.data / "in" / "2025-08-06.xlsx"
    path.parent.mkdir(exist_ok=True)
    book.save(path)
    source = pair_source(repeated_keys="accept")
    if any(isinstance(code, date) for code, _ in lines):  # what a spreadsheet made of a code like 3-25
        with pytest.raises(DeliveryRefused, match="a date, where a code is expected"):
            landed(settings, source)
    else:
        assert landed(settings, source).rows == len(lines)


@PROPERTY
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_a_damaged_workbook_is_read_or_refused_and_never_crashes(
    settings: Settings, seed: int, wounds: int
) -> None:
    content = bytearray(workbook(settings, "whole.xlsx", {"A": TABLE}).read_bytes())
    chance = random.Random(seed)
    for _ in range(wounds):
        content[chance.randrange(len(content))] = chance.randrange(256)
    put(settings, "2025-08-06.xlsx", bytes(content))
    try:
        landed(settings, pair_source())
    except SourceError as error:
        assert "register 2025-08-06" in str(error)
