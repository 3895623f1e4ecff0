"""The formats of a workbook's cells: what a cell shows may hold more than its number (00004, 1.012790, 72 %), or be
struck out.

Standard library only: the limited process imports it (`workbook_child`).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from pipelines.sources.files.formats.workbook_marks import PREFIX, REFERENCE, locate, read_cells

STYLES = "xl/styles.xml"
# Formats with a number of their own in the file's standard; the others say nothing of zeros or per cents.
BUILT_IN = {2: "0.00", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 48: "##0.0E+0"}
# Nothing that a plain number would not show as well, and dates, which the reader tells as such.
PLAIN = re.compile(r"(?i)general|@|0|#|#,##0|#,##0_\);.*")
DATE_LETTERS = re.compile(r"(?i)[dmyhs]|[$]")
LITERALS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
CELL = re.compile(rb"<" + PREFIX + rb"c\b([^>]*)>")
STYLE = re.compile(rb'\bs="(\d+)"')


def read_styles(archive: zipfile.ZipFile) -> dict[int, str]:
    """Style number → its number format, for those that tell more than the number itself."""
    if STYLES not in archive.namelist():
        return {}
    with archive.open(STYLES) as stream:
        root = ElementTree.parse(stream).getroot()
    codes = dict(BUILT_IN)
    styles: dict[int, str] = {}
    for element in root.iter():
        if element.tag.endswith("}numFmt"):
            codes[int(element.get("numFmtId", -1))] = element.get("formatCode", "")
    cells = next((e for e in root.iter() if e.tag.endswith("}cellXfs")), None)
    for number, element in enumerate(cells if cells is not None else ()):
        code = codes.get(int(element.get("numFmtId", 0)), "")
        if tells_more(code):
            styles[number] = code
    return styles


def list_struck(archive: zipfile.ZipFile, member: str) -> list[tuple[int, int]]:
    """(row, column) of the cells with something in them whose font is struck out. Most workbooks have no such font."""
    styles = _find_struck_styles(archive)
    if not styles:
        return []
    return [
        locate(place)
        for cells in read_cells(archive, member)
        for cell in CELL.finditer(cells)
        if not cell[1].endswith(b"/")
        and (style := STYLE.search(cell[1]))
        and int(style[1]) in styles
        and (place := REFERENCE.search(cell[1]))
    ]


def _find_struck_styles(archive: zipfile.ZipFile) -> set[int]:
    if STYLES not in archive.namelist():
        return set()
    with archive.open(STYLES) as stream:
        root = ElementTree.parse(stream).getroot()
    tables = {e.tag.rpartition("}")[2]: e for e in root}
    struck = {number for number, font in enumerate(tables.get("fonts", ())) if _is_struck(font)}
    cells = tables.get("cellXfs", ())
    return {number for number, style in enumerate(cells) if int(style.get("fontId", 0)) in struck}


def _is_struck(font: ElementTree.Element) -> bool:
    marks = [e for e in font if e.tag.rpartition("}")[2] == "strike"]
    return any(mark.get("val", "1") not in ("0", "false") for mark in marks)


def tells_more(code: str) -> bool:
    """Whether a number format shows something that the number itself does not say; dates aside."""
    return bool(code) and not PLAIN.fullmatch(code) and not DATE_LETTERS.search(LITERALS.sub("", code))


def list_formats(
    archive: zipfile.ZipFile, member: str, styles: dict[int, str]
) -> Iterator[tuple[int, int, str]]:
    """(row, column, number format) of the cells whose style tells more than their number, in the sheet's order."""
    if not styles:
        return
    for cells in read_cells(archive, member):
        for cell in CELL.finditer(cells):
            style = STYLE.search(cell[1])
            code = styles.get(int(style[1])) if style else None
            if code and (place := REFERENCE.search(cell[1])):
                yield *locate(place), code


class FormatsByRow:
    """The formats of one row after the other: `take(row)` gives column → format, for rows in rising order."""

    def __init__(self, formats: Iterator[tuple[int, int, str]]) -> None:
        self._formats = formats
        self._next = next(formats, None)

    def take(self, row: int) -> dict[int, str]:
        taken: dict[int, str] = {}
        while self._next is not None and self._next[0] <= row:
            if self._next[0] == row:
                taken[self._next[1]] = self._next[2]
            self._next = next(self._formats, None)
        return taken
