"""What a workbook's XML tells that its reader does not: formulas never computed, errors, links, macros.

Standard library only: the limited process imports it (`workbook_child`).
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

PREFIX = rb"(?:\w+:)?"
FORMULA = rb"<" + PREFIX + rb"f\b[^>]*(?:/>|>[^<]*</" + PREFIX + rb"f>)"
NOT_COMPUTED = re.compile(
    rb"<"
    + PREFIX
    + rb"c\b([^>]*)>\s*"
    + FORMULA
    + rb"\s*(<"
    + PREFIX
    + rb"v\s*/>|<"
    + PREFIX
    + rb"v>\s*</"
    + PREFIX
    + rb"v>)?"
    rb"\s*</" + PREFIX + rb"c>"
)
ERROR_VALUE = re.compile(
    rb"<" + PREFIX + rb'c\b([^>]*\bt="e"[^>]*)>\s*(?:' + FORMULA + rb")?\s*<" + PREFIX + rb"v>([^<]*)</"
)
REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
ROW_NUMBER = re.compile(rb'\br="(\d+)"')
TAG = re.compile(rb"<(" + PREFIX + rb"(?:row|c))\b([^>]*?)(/?)>")
MOST_MARKS = 10_000
# row → column → what stands there
Marks = dict[int, dict[int, Any]]


class WorkbookRefused(Exception):
    """The workbook is not read; the text says why."""


def describe_peculiarities(archive: zipfile.ZipFile) -> list[str]:
    """What people should know of a workbook that is read nevertheless."""
    names = archive.namelist()
    notes = []
    if links := [n for n in names if n.startswith("xl/externalLinks/externalLink")]:
        notes.append(f"links to {len(links)} other workbooks: their stored values were read, none was opened")
    if any(n.endswith("vbaProject.bin") for n in names):
        notes.append("holds macros: none was run")
    return notes


def map_sheets(archive: zipfile.ZipFile) -> dict[Any, Any]:
    """Sheet name → member, by the workbook's own relations."""

    def parsed(name: str) -> Any:
        with archive.open(name) as stream:
            return ElementTree.parse(stream).getroot().iter()

    def local(tag: str) -> str:
        return tag.rpartition("}")[2]

    targets = {
        e.get("Id"): posixpath.normpath(posixpath.join("xl", e.get("Target", "")))
        if not e.get("Target", "").startswith("/")
        else e.get("Target", "").lstrip("/")
        for e in parsed("xl/_rels/workbook.xml.rels")
        if local(e.tag) == "Relationship"
    }
    return {
        e.get("name"): targets.get(next((v for k, v in e.items() if local(k) == "id"), None))
        for e in parsed("xl/workbook.xml")
        if local(e.tag) == "sheet"
    }


def find_marks(archive: zipfile.ZipFile, member: str) -> Marks:
    """row → column → ["f", cell]: a formula never computed; or the error text a cell shows.

    The reader gives both as blank cells: what stands there must not be lost in silence. WorkbookRefused
    where there are more of them than anybody would look at.
    """
    marks: Marks = {}
    for row, column, value in _list_marks(archive, member):
        if len(marks) >= MOST_MARKS:
            raise WorkbookRefused(
                f"more than {MOST_MARKS} rows hold formulas without stored values, or errors"
            )
        marks.setdefault(row, {})[column] = value
    return marks


def _list_marks(archive: zipfile.ZipFile, member: str) -> Iterator[tuple[int, int, Any]]:
    for cells in read_cells(archive, member):
        if b"<f" in cells or b":f" in cells:
            for cell in NOT_COMPUTED.finditer(cells):
                is_text = cell[2] and b't="str"' in cell[1]
                if not is_text and (place := REFERENCE.search(cell[1])):
                    yield *locate(place), ["f", (place[1] + place[2]).decode()]
        if b't="e"' in cells:
            for cell in ERROR_VALUE.finditer(cells):
                if place := REFERENCE.search(cell[1]):
                    yield *locate(place), cell[2].decode("utf-8", "replace")


def read_cells(archive: zipfile.ZipFile, member: str, *, with_end: bool = False) -> Iterator[bytes]:
    """The sheet's XML in pieces that end with a whole cell; `with_end`: and what stands below the last one."""
    rest = b""
    places = Places()
    with archive.open(member) as stream:
        while chunk := stream.read(1 << 20):
            rest += chunk
            end = max(rest.rfind(b"</c>"), rest.rfind(b":c>")) + 4
            if end >= 4:
                yield places.complete(rest[:end])
                rest = rest[end:]
    if with_end:
        yield rest


class Places:
    """Gives the cells of one sheet the reference that a sparing writer leaves out: of the next row, the next column."""

    def __init__(self) -> None:
        self._row = self._column = -1
        self._is_needed: bool | None = None

    def complete(self, cells: bytes) -> bytes:
        """The next piece of the sheet, every cell with its `r`; whether they have it is told by the first piece."""
        if self._is_needed is None:
            tags = [match[2] for match in TAG.finditer(cells) if not match[1].endswith(b"row")]
            self._is_needed = any(not REFERENCE.search(attributes) for attributes in tags)
        return TAG.sub(self._number, cells) if self._is_needed else cells

    def _number(self, tag: re.Match[bytes]) -> bytes:
        if tag[1].endswith(b"row"):
            number = ROW_NUMBER.search(tag[2])
            self._row, self._column = (int(number[1]) - 1 if number else self._row + 1), -1
            return tag[0]
        place = REFERENCE.search(tag[2])
        self._column = locate(place)[1] if place else self._column + 1
        if place:
            return tag[0]
        return b'<%b r="%b%d"%b%b>' % (tag[1], _write_column(self._column), self._row + 1, tag[2], tag[3])


def _write_column(column: int) -> bytes:
    """1 → `B`."""
    letters = b""
    while column >= 0:
        letters = bytes([65 + column % 26]) + letters
        column = column // 26 - 1
    return letters


def locate(reference: re.Match[bytes]) -> tuple[int, int]:
    """`B7` → row 6, column 1."""
    column = 0
    for letter in reference[1]:
        column = column * 26 + letter - 64
    return int(reference[2]) - 1, column - 1
