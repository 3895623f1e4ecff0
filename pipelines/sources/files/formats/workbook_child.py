"""Run as a process of its own: a workbook → its sheets' rows as JSON lines on standard output.

Imports nothing of this project and limits itself before it opens anything, so that no workbook can take
more than it was granted. argv[1]: {"path", "sheets", "memory_mb", "seconds", "unpacked_mb", …}.
"""

from __future__ import annotations

import datetime
import fnmatch
import io
import json
import posixpath
import re
import resource
import sys
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

P = rb"(?:\w+:)?"
FORMULA = rb"<" + P + rb"f\b[^>]*(?:/>|>[^<]*</" + P + rb"f>)"
NOT_COMPUTED = re.compile(
    rb"<" + P + rb"c\b([^>]*)>\s*" + FORMULA + rb"\s*(<" + P + rb"v\s*/>|<" + P + rb"v>\s*</" + P + rb"v>)?"
    rb"\s*</" + P + rb"c>"
)
ERROR_VALUE = re.compile(
    rb"<" + P + rb'c\b([^>]*\bt="e"[^>]*)>\s*(?:' + FORMULA + rb")?\s*<" + P + rb"v>([^<]*)</"
)
REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
LONGEST_CELL = 32_767  # Excel's own limit
LONGEST_ROW = 8 * 2**20
MOST_MARKS = 10_000
Marks = dict[int, dict[int, Any]]


class WorkbookRefused(Exception):
    """The workbook is not read; the text says why."""


def write_line(content: Any) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")


def limit_process(request: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (request["memory_mb"] << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"] + 1))
    # It writes no file, and leaves no image of its memory, which holds personal data.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


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

    The reader gives both as blank cells: what stands there must not be lost in silence.
    """
    marks: Marks = {}
    rest = b""
    with archive.open(member) as stream:
        while chunk := stream.read(1 << 20):
            rest += chunk
            end = max(rest.rfind(b"</c>"), rest.rfind(b":c>")) + 4
            if end < 4:
                continue
            ready, rest = rest[:end], rest[end:]
            if b"<f" in ready or b":f" in ready:
                for cell in NOT_COMPUTED.finditer(ready):
                    if not (cell[2] and b't="str"' in cell[1]):
                        _mark(marks, cell[1], lambda name: ["f", name])
            if b't="e"' in ready:
                for cell in ERROR_VALUE.finditer(ready):
                    text = cell[2].decode("utf-8", "replace")
                    _mark(marks, cell[1], lambda name, shown=text: text)
    return marks


def _mark(marks: Marks, attributes: bytes, value: Any) -> None:
    if len(marks) >= MOST_MARKS:
        raise WorkbookRefused(f"more than {MOST_MARKS} cells hold formulas without stored values, or errors")
    if place := REFERENCE.search(attributes):
        column = 0
        for letter in place[1]:
            column = column * 26 + letter - 64
        marks.setdefault(int(place[2]) - 1, {})[column - 1] = value((place[1] + place[2]).decode())


def tag_cell(cell: Any, row: int, column: int) -> Any:
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


def read_rows(sheet: Any, marks: Marks) -> Iterator[list[Any]]:
    """[row number, cells] of every row that is not blank; `found`: row → column → mark."""
    offset = sheet.start[1] if sheet.start else 0
    last = -1
    for number, row in enumerate(sheet.iter_rows()):
        last = number
        cells: list[Any] = [None] * offset + [
            tag_cell(cell, number, offset + i) for i, cell in enumerate(row)
        ]
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


def _put(cells: list[Any], marked: dict[int, Any]) -> None:
    for column, value in marked.items():
        cells += [None] * (column + 1 - len(cells))
        cells[column] = value


def read_workbook(request: dict[str, Any]) -> None:
    sys.path.insert(0, request["project"])
    from python_calamine import CalamineWorkbook

    from pipelines.sources.files.zip_directory import check_directory

    # Its kind is told by its bytes: the name may lie.
    data = io.BytesIO(
        sys.stdin.buffer.read() if request["path"] is None else Path(request["path"]).read_bytes()
    )
    archive: zipfile.ZipFile | None = None
    files: dict[Any, Any] = {}
    if zipfile.is_zipfile(data):
        archive = zipfile.ZipFile(data)
        check_directory(
            archive, members=request["members"], unpacked_mb=request["unpacked_mb"], ratio=request["ratio"]
        )
        write_line({"notes": describe_peculiarities(archive)})
        files = map_sheets(archive)
    elif "EncryptedPackage".encode("utf-16-le") in data.getvalue():
        raise WorkbookRefused("it is protected by a password; ask for it without")
    data.seek(0)
    book = CalamineWorkbook.from_object(data)
    chosen = choose_sheets(book, request["sheets"])
    others = [m.name for m in book.sheets_metadata if m.name not in {name for name, _ in chosen}]
    if others:
        write_line({"notes": [f"sheets not read: {', '.join(others)[:500]}"]})
    for name, pattern in chosen:
        sheet = book.get_sheet_by_name(name)
        marks = find_marks(archive, files[name]) if archive and files.get(name) else {}
        write_line(
            {
                "sheet": name,
                "pattern": pattern,
                "merges": [[*a, *b] for a, b in sheet.merged_cell_ranges or []],
            }
        )
        for row in read_rows(sheet, marks):
            write_line(row)
    write_line({"done": True})


def main(request: dict[str, Any]) -> None:
    limit_process(request)
    # Imported only under the limits.
    from python_calamine import CalamineError, PasswordError

    try:
        read_workbook(request)
    except WorkbookRefused as error:
        write_line({"error": str(error)})
    except MemoryError:
        write_line({"error": "memory"})
    except PasswordError:
        write_line({"error": "it is protected by a password; ask for it without"})
    except (CalamineError, zipfile.BadZipFile, ElementTree.ParseError, ValueError, OSError) as error:
        write_line({"error": f"no readable workbook ({str(error)[:200]})"})
    except Exception as error:
        write_line({"error": f"no readable workbook ({type(error).__name__})"})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    sys.stdout.flush()
