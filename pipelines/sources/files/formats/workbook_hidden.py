"""What a sheet does not show: rows that a filter or a hand hid, hidden columns.

Standard library only: the limited process imports it (`workbook_child`).
"""

from __future__ import annotations

import re
import zipfile
from typing import Any, NamedTuple

from pipelines.sources.files.formats.workbook_marks import PREFIX, read_cells

ROW = re.compile(rb"<" + PREFIX + rb"row\b([^>]*)>")
COLUMN = re.compile(rb"<" + PREFIX + rb"col\b([^>]*)>")
FILTER = re.compile(rb"<" + PREFIX + rb"filterColumn\b|\bfilterMode=\"(?:1|true)\"")
IS_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"|\bht="0(?:\.0+)?"')
NUMBER = re.compile(rb'\br="(\d+)"')
FIRST, LAST = re.compile(rb'\bmin="(\d+)"'), re.compile(rb'\bmax="(\d+)"')
# A sheet hides all columns to its right by one element that ends here.
MOST_COLUMNS = 16_384


class Hidden(NamedTuple):
    """Row and column numbers from 0; `is_filtered`: a filter is set on the sheet."""

    rows: list[int]
    columns: list[int]
    is_filtered: bool

    def as_message(self, *, is_sheet_hidden: bool) -> dict[str, Any]:
        return {**self._asdict(), "is_sheet_hidden": is_sheet_hidden}


NOTHING_HIDDEN = Hidden([], [], False)


def find_hidden(archive: zipfile.ZipFile, member: str) -> Hidden:
    """Of one sheet of an .xlsx. Its end, where a filter may be told of, is read as well."""
    rows: list[int] = []
    columns: list[int] = []
    is_filtered = False
    number = -1
    for piece in read_cells(archive, member, with_end=True):
        is_filtered = is_filtered or bool(FILTER.search(piece))
        for column in COLUMN.finditer(piece) if b"hidden=" in piece else ():
            first, last = FIRST.search(column[1]), LAST.search(column[1])
            if first and last and IS_HIDDEN.search(column[1]):
                columns += range(int(first[1]) - 1, min(int(last[1]), MOST_COLUMNS))
        for row in ROW.finditer(piece):
            place = NUMBER.search(row[1])
            number = int(place[1]) - 1 if place else number + 1
            if IS_HIDDEN.search(row[1]):
                rows.append(number)
    return Hidden(rows, columns, is_filtered)
