"""What a sheet does not show: rows that a filter or a hand hid, hidden columns, and those too narrow to be seen.

Standard library only: the limited process imports it (`workbook_child`).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.sources.files.formats.workbook_marks import PREFIX, read_cells

ROW = re.compile(rb"<" + PREFIX + rb"row\b([^>]*)>")
COLUMN = re.compile(rb"<" + PREFIX + rb"col\b([^>]*)>")
FILTER = re.compile(rb"<" + PREFIX + rb"filterColumn\b|\bfilterMode=[\"'](?:1|true)[\"']")
ATTRIBUTE = re.compile(rb"\b(hidden|ht|width|r|min|max)\s*=\s*[\"']([^\"']*)[\"']")
# Nobody sees what is lower (in points) or narrower (in signs): the next row or column begins on it.
LEAST_HEIGHT, LEAST_WIDTH = 1.0, 0.25
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
        for column in COLUMN.finditer(piece):
            about = dict(ATTRIBUTE.findall(column[1]))
            first, last = about.get(b"min", b""), about.get(b"max", b"")
            if first.isdigit() and last.isdigit() and is_unseen(about, b"width", LEAST_WIDTH):
                columns += range(int(first) - 1, min(int(last), MOST_COLUMNS))
        for row in ROW.finditer(piece):
            about = dict(ATTRIBUTE.findall(row[1]))
            place = about.get(b"r", b"")
            number = int(place) - 1 if place.isdigit() else number + 1
            if is_unseen(about, b"ht", LEAST_HEIGHT):
                rows.append(number)
    return Hidden(rows, columns, is_filtered)


def is_unseen(about: Mapping[bytes, bytes], size: bytes, least: float) -> bool:
    """Of a row or column by its attributes; `size`: the one that says how high or wide it is."""
    if about.get(b"hidden") in (b"1", b"true"):
        return True
    try:
        return float(about.get(size, b"inf")) < least
    except ValueError:
        return False
