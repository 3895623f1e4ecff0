"""A workbook's sheets as messages: names, merged cells, rows of plain values.

Runs in the limited process (`workbook_child`): standard library and the workbook reader only.
"""

from __future__ import annotations

import datetime
import fnmatch
import io
import sys
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.sources.contracts.names import fold_name
from pipelines.sources.files.formats.foreign import LOCKED, find_no_workbook
from pipelines.sources.files.formats.sheet_header import HEADER_SEARCH_ROWS
from pipelines.sources.files.formats.workbook_biff import BiffSheet, read_biff
from pipelines.sources.files.formats.workbook_formats import (
    FormatsByRow,
    list_formats,
    list_struck,
    read_styles,
)
from pipelines.sources.files.formats.workbook_hidden import NOTHING_HIDDEN, find_hidden
from pipelines.sources.files.formats.workbook_marks import (
    Marks,
    WorkbookRefused,
    describe_peculiarities,
    find_marks,
    map_sheets,
)
from pipelines.sources.files.zip_directory import check_directory
from pipelines.sources.notes import CHECK

FEWEST_HEADERS = 3
LONGEST_CELL = 32_767  # Excel's own limit
LONGEST_ROW = 8 * 2**20


def read_sheets(request: dict[str, Any]) -> Iterator[Any]:
    """The messages of one workbook, in order: notes, a sheet, its rows as [row number, cells], …, done."""
    from python_calamine import CalamineWorkbook, SheetVisibleEnum

    # Its kind is told by its bytes: the name may lie.
    data = io.BytesIO(
        sys.stdin.buffer.read() if request["path"] is None else Path(request["path"]).read_bytes()
    )
    archive: zipfile.ZipFile | None = None
    biff: list[BiffSheet | None] = []
    files: dict[Any, Any] = {}
    styles: dict[int, str] = {}
    if zipfile.is_zipfile(data):
        archive = zipfile.ZipFile(data)
        check_directory(
            archive, members=request["members"], unpacked_mb=request["unpacked_mb"], ratio=request["ratio"]
        )
        if kind := find_no_workbook(archive):
            raise WorkbookRefused(str(kind))
        yield {"notes": describe_peculiarities(archive)}
        files = map_sheets(archive)
        styles = read_styles(archive)
    elif "EncryptedPackage".encode("utf-16-le") in data.getvalue():
        raise WorkbookRefused(str(LOCKED))
    else:
        biff = read_biff(data.getvalue())
    data.seek(0)
    book = CalamineWorkbook.from_object(data)
    chosen = choose_sheets(book, request["sheets"])
    others = [m.name for m in book.sheets_metadata if m.name not in {name for name, _ in chosen}]
    if others:
        yield {"notes": [f"sheets not read: {', '.join(others)[:500]}"]}
    visible = {m.name for m in book.sheets_metadata if m.visible == SheetVisibleEnum.Visible}
    about_sheets = match_sheets(biff, [m.name for m in book.sheets_metadata])
    for name, pattern in chosen:
        sheet = book.get_sheet_by_name(name)
        if not request["sheets"] and (alike := list_alike_sheets(book, sheet, request["header_marker"])):
            yield {"notes": [describe_alike(name, alike)]}
        own = about_sheets.get(name)
        if not archive and (own is None or own.unread):
            yield {"notes": [describe_unread(name, own)]}
        formats, marks, hidden = iter(own.formats if own else ()), {}, own.hidden if own else NOTHING_HIDDEN
        struck = own.struck if own else []
        if archive and files.get(name):
            formats = list_formats(archive, files[name], styles)
            marks, hidden = find_marks(archive, files[name]), find_hidden(archive, files[name])
            struck = list_struck(archive, files[name])
        merges = [[*start, *end] for start, end in sheet.merged_cell_ranges or []]
        about = {"sheet": name, "pattern": pattern, "merges": merges, "struck": struck}
        yield {**about, "hidden": hidden.as_message(is_sheet_hidden=name not in visible)}
        yield from read_rows(sheet, marks, FormatsByRow(formats))
    yield {"done": True}


def list_alike_sheets(book: Any, sheet: Any, marker: str) -> list[str]:
    """The visible sheets with the header of the one that is read, and something below it."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    worksheets = [
        m
        for m in book.sheets_metadata
        if m.typ == SheetTypeEnum.WorkSheet and m.visible == SheetVisibleEnum.Visible and m.name != sheet.name
    ]
    header, _ = _find_first_header(sheet, marker) if worksheets else ([], False)
    if len(header) < FEWEST_HEADERS:
        return []
    return [
        m.name
        for m in worksheets
        if _find_first_header(book.get_sheet_by_name(m.name), marker) == (header, True)
    ]


def _find_first_header(sheet: Any, marker: str) -> tuple[list[str], bool]:
    """The texts of the row with the marker, folded; whether a row that is not blank stands below it."""
    header: list[str] = []
    for number, row in enumerate(sheet.iter_rows()):
        if header and any(cell not in ("", None) for cell in row):
            return header, True
        texts = [fold_name(cell) for cell in row if isinstance(cell, str)]
        if not header and fold_name(marker) in texts:
            header = [text for text in texts if text]
        if not header and number >= HEADER_SEARCH_ROWS:
            break
    return header, False


def describe_alike(name: str, alike: list[str]) -> str:
    """Why a sheet that nobody named may be a part of the delivery."""
    return (
        f"{CHECK}sheet {name!r} was read, and {', '.join(map(repr, alike))} with the same header was not: name what "
        f"is to be read under `sheets` in sources.yaml, one or all"
    )


def match_sheets(sheets: list[BiffSheet | None], names: list[str]) -> dict[str, BiffSheet]:
    """The reader's name of a sheet → what it tells: by their order, which both have, else by the name itself."""
    if len(sheets) == len(names):
        return {name: sheet for name, sheet in zip(names, sheets, strict=True) if sheet}
    return {sheet.name: sheet for sheet in sheets if sheet}


def describe_unread(name: str, sheet: BiffSheet | None) -> str:
    """What is lost where an .xls is not as described."""
    what = f"{sheet.unread} of its cells, rows or columns" if sheet else "its cells"
    return (
        f"{CHECK}sheet {name}: the number formats of {what} cannot be read: zeros of codes in number cells and the "
        f"scale of per cents may be lost, and what is hidden is not told. Save the workbook as .xlsx"
    )


def choose_sheets(book: Any, patterns: list[str]) -> list[tuple[str, str]]:
    """(name, pattern) of the sheets to read: those that fit the patterns, else the first visible one."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    def nfc(name: str) -> str:
        return unicodedata.normalize("NFC", name).strip()

    worksheets = [m for m in book.sheets_metadata if m.typ == SheetTypeEnum.WorkSheet]
    sheets = [(m.name, m.visible == SheetVisibleEnum.Visible) for m in worksheets]
    names = ", ".join(repr(name) for name, _ in sheets) or "none"
    if not patterns:
        if not sheets:
            raise WorkbookRefused("it has no sheet")
        return [(next((n for n, visible in sheets if visible), sheets[0][0]), "")]
    chosen: list[tuple[str, str]] = []
    for pattern in patterns:
        fitting = [n for n, _ in sheets if nfc(n) == nfc(pattern)]
        fitting = fitting or [n for n, visible in sheets if visible and fnmatch.fnmatch(nfc(n), nfc(pattern))]
        if not fitting:
            raise WorkbookRefused(f"no sheet {pattern!r}; found {names}")
        chosen += [(n, pattern) for n in fitting if n not in {already for already, _ in chosen}]
    return chosen


def read_rows(sheet: Any, marks: Marks, formats: FormatsByRow) -> Iterator[list[Any]]:
    """[row number, cells] of every row that is not blank; `marks`: row → column → mark.

    A number whose format tells more than itself is ["n", number, format].
    """
    offset = sheet.start[1] if sheet.start else 0
    last = -1
    for number, row in enumerate(sheet.iter_rows()):
        last = number
        cells: list[Any] = [None] * offset + [
            tag_cell(cell, number, offset + i) for i, cell in enumerate(row)
        ]
        for column, code in formats.take(number).items():
            if column < len(cells) and isinstance(cells[column], (int, float)):
                cells[column] = ["n", cells[column], code]
        _put(cells, marks.pop(number, {}))
        while cells and cells[-1] is None:
            cells.pop()
        if sum(len(cell) for cell in cells if isinstance(cell, str)) > LONGEST_ROW:
            raise WorkbookRefused(f"row {number + 1} holds more than {LONGEST_ROW >> 20} MiB of text")
        if cells:
            yield [number, cells]
    for number in sorted(n for n in marks if n > last):
        cells = []
        _put(cells, marks[number])
        yield [number, cells]


def tag_cell(cell: Any, row: int, column: int) -> Any:
    """A cell as JSON holds it; a moment as ["t", ISO text]."""
    if isinstance(cell, str):
        if len(cell) > LONGEST_CELL:
            raise WorkbookRefused(
                f"the cell in row {row + 1}, column {column + 1} holds {len(cell)} characters"
            )
        return cell or None
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 1e15 else cell
    if isinstance(cell, (datetime.datetime, datetime.date)):
        return ["t", cell.isoformat()]
    if isinstance(cell, (datetime.time, datetime.timedelta)):
        return str(cell)
    return cell


def _put(cells: list[Any], marked: dict[int, Any]) -> None:
    for column, value in marked.items():
        cells += [None] * (column + 1 - len(cells))
        cells[column] = value
