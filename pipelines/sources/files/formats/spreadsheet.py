"""A sheet as a person exports it → records (docs/domain.md §7, Excel).

The header is the row that holds the marker ("STT") within the first 40 rows, plus the rows below it that
still belong to it; headings, totals and the "(1) (2)…" row are left out, and counted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

from pipelines.sources.files.formats.fragment import ReadSession, TableFragment
from pipelines.sources.files.unpacking import Member
from pipelines.sources.mapping import fold
from pipelines.sources.values.native import clean_text, format_cell

HEADER_SEARCH_ROWS = 40
HEADER_ROWS = 8
FORMULA_CELL = re.compile(r"^\(\d+\)([=+\-*/:\s]|\(?\d+\)?)*$")
NUMBERED_CELL = re.compile(r"^(\d+)\s*(=.*)?$")
ORDINAL = re.compile(r"^\d+(\.\d+)*\.?$")
TOTAL = re.compile(r"^(tổng (cộng|số)\b|(tổng|cộng)\s*([:=]|$)|trong đó\b)", re.IGNORECASE)
ORDINAL_MARKERS = {"stt", "tt", "sott", "no", "sothutu"}
ROWS_AT_ONCE = 20_000
Row = tuple[int, list[Any]]


class Header(NamedTuple):
    """`labels` by column; `ordinal`: the marker's column; `first`: the row where records may begin."""

    labels: list[str]
    ordinal: int
    numbered: bool
    first: int


class Merged(NamedTuple):
    top: int
    left: int
    bottom: int
    right: int


def read_sheet(
    session: ReadSession,
    member: Member,
    about: Mapping[str, Any],
    rows: Iterator[Row],
    constants: Mapping[str, str],
    notes: list[str],
) -> TableFragment:
    """ValueError where the sheet has no header; records are read when they are selected."""
    merges = [Merged(*corners) for corners in about["merges"]]
    ahead = list(islice(rows, HEADER_SEARCH_ROWS + HEADER_ROWS + 2))
    header = find_header(ahead, merges, session.source.header_marker, about["sheet"])
    sheet_notes = list(notes)

    def all_rows() -> Iterator[Row]:
        yield from ahead
        yield from rows

    def select(mapped: Mapping[str, str]) -> str:
        places = {name: header.labels.index(label) for name, label in mapped.items()}
        required = {places[name] for name in places if _is_required(session, name)}
        records = Records(header, merges, required, about["sheet"])
        tables: list[str] = []
        columns: dict[str, list[str | None]] = {name: [] for name in places}
        for number, cells in records.select_records(all_rows()):
            for name, place in places.items():
                cell = _read_cell(cells[place], about["sheet"], number)
                columns[name].append(format_cell(cell, session.source, session.columns.get(name)))
            if len(next(iter(columns.values()), ())) == ROWS_AT_ONCE:
                tables.append(session.register_texts(columns))
                columns = {name: [] for name in places}
        tables.append(session.register_texts(columns))
        sheet_notes.extend(records.list_notes())
        return " union all ".join(f"from {table}" for table in tables)

    headers = [label for label in header.labels if label]
    return TableFragment(member, headers, select, sheet_notes, {**constants, "_sheet": about["sheet"]})


def _is_required(session: ReadSession, name: str) -> bool:
    column = session.columns.get(name)
    return column is not None and column.required


def find_header(rows: list[Row], merges: list[Merged], marker: str, sheet: str) -> Header:
    """The header rows of a sheet, joined to one label per column."""
    folded_marker = fold(marker)
    top, ordinal = next(
        (
            (number, place)
            for number, cells in rows
            if number < HEADER_SEARCH_ROWS
            for place, cell in enumerate(cells)
            if isinstance(cell, str) and fold(cell) == folded_marker
        ),
        (-1, -1),
    )
    if top < 0:
        raise ValueError(
            f"sheet {sheet!r} has no header row with {marker!r} in its first {HEADER_SEARCH_ROWS} rows; "
            f"correct `header_marker`, or name the right sheet under `sheets`"
        )
    below = {number: cells for number, cells in rows if number >= top}
    tall = next((m.bottom for m in merges if (m.top, m.left) == (top, ordinal)), None)
    bottom = top
    while bottom + 1 < top + HEADER_ROWS:
        after = below.get(bottom + 1)
        belongs = bottom < tall if tall is not None else after is not None and _is_header_row(after, ordinal)
        if not belongs:
            break
        bottom += 1
    first = bottom + 1
    if first in below and _is_column_numbers(below[first]):
        first += 1
    labels = _labels([below.get(n, []) for n in range(top, bottom + 1)], merges, top)
    return Header(labels, ordinal, folded_marker in ORDINAL_MARKERS, first)


def _is_header_row(cells: list[Any], ordinal: int) -> bool:
    """A row below the marker that still belongs to the header: labels only, no ordinal of its own."""
    filled = [cell for cell in cells if cell is not None]
    own = cells[ordinal] if ordinal < len(cells) else None
    return own is None and len(filled) > 1 and all(isinstance(cell, str) for cell in filled)


def _is_column_numbers(cells: list[Any]) -> bool:
    """`(1) (2) (3)=(1)+(2)`, or a bare `1 2 3=4+5`: the number of each column, counted from 1."""
    texts = [_text(cell) for cell in cells if cell is not None]
    if texts and all(FORMULA_CELL.match(text) for text in texts):
        return True
    numbers = [match[1] for match in map(NUMBERED_CELL.match, texts) if match]
    return len(texts) > 2 and numbers == [str(n) for n in range(1, len(texts) + 1)]


def _labels(rows: list[list[Any]], merges: list[Merged], top: int) -> list[str]:
    """Merged header cells are filled over all they cover, then the labels of a column are joined."""
    width = max(map(len, rows))
    grid = [[_text(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    inside = [m for m in merges if m.top >= top and m.bottom < top + len(rows) and m.left < width]
    for merged in inside:
        label = grid[merged.top - top][merged.left]
        for row in range(merged.top - top, merged.bottom - top + 1):
            for column in range(merged.left, min(merged.right + 1, width)):
                grid[row][column] = label
    if not inside:
        _fill_forward(grid)
    labels = []
    for column in range(width):
        parts = (row[column] for row in grid if not FORMULA_CELL.match(row[column]))
        labels.append(" ".join(dict.fromkeys(part for part in parts if part)))
    return labels


def _fill_forward(grid: list[list[str]]) -> None:
    """Without merges: an upper label reaches right as long as there are labels below it."""
    for level, row in enumerate(grid[:-1]):
        for column in range(1, len(row)):
            below = any(lower[column] for lower in grid[level + 1 :])
            same_group = all(upper[column] == upper[column - 1] for upper in grid[:level])
            if not row[column] and row[column - 1] and below and same_group:
                row[column] = row[column - 1]


class Records:
    """Which rows are records; what is left out is counted, by kind, and named where it is doubtful."""

    def __init__(self, header: Header, merges: list[Merged], required: set[int], sheet: str) -> None:
        self._header, self._required, self._sheet = header, required, sheet
        self._headings = self._totals = 0
        self._doubtful: list[int] = []
        # Cells merged downwards hold their text once, for every row that they cover.
        self._tall: dict[int, list[Merged]] = {}
        for merged in merges:
            if merged.left == merged.right and merged.top >= header.first and merged.left != header.ordinal:
                self._tall.setdefault(merged.top, []).append(merged)

    def select_records(self, rows: Iterator[Row]) -> Iterator[Row]:
        width, above = len(self._header.labels), {}
        for number, raw_cells in rows:
            if number < self._header.first:
                continue
            cells = [clean_text(cell) if isinstance(cell, str) else cell for cell in raw_cells]
            cells += [None] * (width - len(cells))
            for merged in self._tall.get(number, ()):
                if merged.left < width:
                    above[merged.left] = (merged.bottom, cells[merged.left])
            if self._is_record(number, cells):
                for column, (bottom, value) in above.items():
                    if number <= bottom and cells[column] is None:
                        cells[column] = value
                yield number, cells

    def _is_record(self, number: int, cells: list[Any]) -> bool:
        filled = [cell for cell in cells if cell is not None]
        if not filled:
            return False
        if self._header.numbered and ORDINAL.match(_text(cells[self._header.ordinal])):
            return True
        if TOTAL.match(_text(filled[0])):
            self._totals += 1
            return False
        if len(filled) == 1:
            self._headings += 1
            return False
        if not self._header.numbered:
            return True
        # A record whose ordinal is missing: told by what the contract requires of it.
        if self._required and all(cells[column] is not None for column in self._required):
            return True
        if len(filled) <= 2:
            self._headings += 1
        else:
            self._doubtful.append(number + 1)
        return False

    def list_notes(self) -> Iterator[str]:
        kinds = [f"{self._headings} headings and notes"] * bool(self._headings)
        kinds += [f"{self._totals} totals and their parts"] * bool(self._totals)
        if kinds:
            yield f"sheet {self._sheet}: rows that are no records: {', '.join(kinds)}"
        if self._doubtful:
            numbers = ", ".join(map(str, self._doubtful[:20]))
            yield (
                f"sheet {self._sheet}: {len(self._doubtful)} rows without an ordinal, and without what a "
                f"record must have, were left out: row {numbers}"
            )


def _read_cell(cell: Any, sheet: str, number: int) -> Any:
    """What the child tagged: a moment, or a formula that was never computed."""
    if not isinstance(cell, list):
        return cell
    kind, value = cell
    if kind == "f":
        raise ValueError(
            f"sheet {sheet!r}, cell {value}: a formula without a stored value; open the workbook in Excel, "
            f"save it and deliver it again"
        )
    return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)


def _text(cell: Any) -> str:
    if isinstance(cell, list):
        return str(cell[1])
    return "" if cell is None else unicodedata.normalize("NFC", " ".join(str(cell).split()))
