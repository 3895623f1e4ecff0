"""Cells without a reference of their own, as sparing writers leave them: their marks and formats are found by place."""

from __future__ import annotations

import io
import re
import zipfile

import openpyxl
import pytest

from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from tests.unit.files_support import put, rows, source

COLUMNS = (
    {"name": "code", "raw": "Mã", "required": True},
    {"name": "unit_code", "raw": "Đơn vị"},
    {"name": "note", "raw": "Nội dung"},
)


def write_workbook(*, with_references: bool, formula: bool = False) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for line in [["Mã", "Đơn vị", "Nội dung"], ["A", 4, "x"], ["B", None, "#REF!"], ["C", 8, "z"]]:
        sheet.append(line)
    sheet["B2"].number_format = sheet["B4"].number_format = "00000"
    sheet["C3"].data_type = "e"
    if formula:
        sheet["C4"] = "=A4"
    out = io.BytesIO()
    book.save(out)
    if with_references:
        return out.getvalue()
    sparing = io.BytesIO()
    with zipfile.ZipFile(out) as archive, zipfile.ZipFile(sparing, "w") as target:
        for name in archive.namelist():
            content = archive.read(name)
            if name.startswith("xl/worksheets/"):
                # Without references a blank cell has to be there.
                content = content.replace(b'</c><c r="C3"', b'</c><c r="B3"/><c r="C3"')
                content = re.sub(rb'(<(?:c|row)) r="[A-Z]*\d+"', rb"\1", content)
                assert b" r=" not in content
            target.writestr(name, content)
    return sparing.getvalue()


@pytest.mark.parametrize("with_references", [True, False])
def test_formats_and_errors_are_found_with_and_without_references(
    settings: Settings, with_references: bool
) -> None:
    put(settings, "2025-08-06.xlsx", write_workbook(with_references=with_references))
    one = source(path="{data}/in/{partition}.xlsx", format="xlsx", columns=COLUMNS, header_marker="Mã")
    assert [tuple(row.values()) for row in rows(settings, one)] == [
        ("A", "00004", "x"), ("B", None, "#REF!"), ("C", "00008", "z"),
    ]  # fmt: skip


@pytest.mark.parametrize("with_references", [True, False])
def test_a_formula_that_was_never_computed_is_found_with_and_without_references(
    settings: Settings, with_references: bool
) -> None:
    put(settings, "2025-08-06.xlsx", write_workbook(with_references=with_references, formula=True))
    one = source(path="{data}/in/{partition}.xlsx", format="xlsx", columns=COLUMNS, header_marker="Mã")
    with pytest.raises(PermanentSourceError, match="cell C4: a formula without a stored value"):
        rows(settings, one)
