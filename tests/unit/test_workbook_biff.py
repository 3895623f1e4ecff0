"""An .xls with a fault keeps the number formats that can be read, and names the loss of the others."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
import xlwt
from xlwt.CompoundDoc import XlsDoc

from pipelines.settings import Settings
from pipelines.sources.files.formats.workbook_biff import read_biff
from tests.unit.files_support import DAY, landed, rows, source

LINES = [["Mã", "Đơn vị"], [4, 1.01279], [8, 1.0035]]
FORMATS = ("00000", "0.000000")


def write_workbook() -> bytes:
    book, out = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("A")
    for number, line in enumerate(LINES):
        for column, cell in enumerate(line):
            sheet.write(
                number, column, cell, xlwt.easyxf(num_format_str=FORMATS[column] if number else "General")
            )
    book.save(out)
    return out.getvalue()


def find_format(data: bytes, code: str) -> int:
    """Where the record of a number format begins: kind, size, number, length, flags, letters."""
    at = data.index(bytes([0, *code.encode()])) - 8
    assert struct.unpack_from("<H", data, at) == (0x41E,)
    return at


def spoil(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<H", value) + data[at + 2 :]


def pair_source() -> Any:
    columns = (
        {"name": "code", "raw": "Mã", "required": True},
        {"name": "unit_code", "raw": "Đơn vị"},
    )
    return source(
        path="{data}/in/{partition}.xls", format="xlsx", columns=columns, header_marker="Mã", key=("code",)
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "in").mkdir()
    return Settings(data=tmp_path)


def test_a_format_that_cannot_be_read_costs_its_own_cells_and_is_a_finding(settings: Settings) -> None:
    file = settings.data / "in" / f"{DAY}.xls"
    data = write_workbook()
    file.write_bytes(data)
    assert [tuple(row.values()) for row in rows(settings, pair_source())] == [
        ("00004", "1.012790"), ("00008", "1.003500"),
    ]  # fmt: skip
    assert not any("cannot be read" in note for note in landed(settings, pair_source()).notes)
    file.write_bytes(spoil(data, find_format(data, "00000") + 6, 5000))
    assert [tuple(row.values()) for row in rows(settings, pair_source())] == [
        ("4", "1.012790"),
        ("8", "1.003500"),
    ]
    [note] = [note for note in landed(settings, pair_source()).notes if "cannot be read" in note]
    assert note.startswith("please check: sheet A: the number formats of 2 of its cells")


def test_a_container_that_counts_tables_which_are_not_there_is_read_by_those_that_are() -> None:
    [sheet] = read_biff(spoil(write_workbook(), 72, 9))
    assert sheet is not None and [code for _, _, code in sheet.formats] == [*FORMATS, *FORMATS]


def test_what_is_no_container_tells_nothing() -> None:
    assert read_biff(b"\xd0\xcf\x11\xe0" + bytes(2000)) == []


def record(kind: int, content: bytes) -> bytes:
    return struct.pack("<2H", kind, len(content)) + content


def test_excel_95_writes_its_formats_in_bytes() -> None:
    begin, end = record(0x809, struct.pack("<2H", 0x500, 5)), record(0x0A, b"")
    head = (
        begin
        + record(0x41E, struct.pack("<HB", 164, 5) + b"00000")
        + record(0xE0, struct.pack("<8H", 0, 164, *[0] * 6))
    )
    place = len(head) + len(record(0x85, bytes(8))) + len(end)
    head += record(0x85, struct.pack("<IHB", place, 0, 1) + b"A") + end
    sheet = begin + record(0x203, struct.pack("<3Hd", 1, 0, 0, 4.0)) + end
    out = io.BytesIO()
    XlsDoc().save(out, head + sheet)
    [only] = read_biff(out.getvalue())
    assert only is not None and (only.name, only.formats, only.unread) == ("A", [(1, 0, "00000")], 0)
