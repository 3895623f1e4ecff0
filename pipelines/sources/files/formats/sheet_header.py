"""The header of a sheet as a person exports it (docs/domain.md §7, Excel).

It is the row that holds the marker ("STT") within the first 40 rows, plus the rows below it that still
belong to it; merged and grouped labels are joined to one label per column.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NamedTuple

from pipelines.sources.contracts.names import fold_name

HEADER_SEARCH_ROWS = 40
HEADER_ROWS = 8
FORMULA_CELL = re.compile(r"^\(\d+\)([=+\-*/:\s]|\(?\d+\)?)*$")
NUMBERED_CELL = re.compile(r"^(\d+)\s*(=.*)?$")
ORDINAL_MARKERS = {"stt", "tt", "sott", "no", "sothutu"}
# (row number from 0, its cells)
Row = tuple[int, list[Any]]


class Header(NamedTuple):
    """`labels` by column; `ordinal`: the marker's column; `first`: the row where records may begin.

    `height`: of the header in rows; `top`: its first row, folded.
    """

    labels: list[str]
    ordinal: int
    numbered: bool
    first: int
    height: int
    top: list[str]

    def begins_again(self, cells: list[Any]) -> bool:
        """Whether this row is the header's first once more; ValueError where it is the first of another header."""
        if fold_row(cells[self.ordinal : self.ordinal + 1]) != [self.top[self.ordinal]]:
            return False
        if fold_row(cells) != self.top:
            raise ValueError(
                "another table begins, whose headers are not those of the first; give it a sheet of its own"
            )
        return True


class Merged(NamedTuple):
    """A merged area: its corner cells, counted from 0, both inside."""

    top: int
    left: int
    bottom: int
    right: int


def find_header(rows: list[Row], merges: list[Merged], marker: str, sheet: str) -> Header:
    """The header rows of a sheet, joined to one label per column."""
    folded_marker = fold_name(marker)
    top, ordinal = next(
        (
            (number, place)
            for number, cells in rows
            if number < HEADER_SEARCH_ROWS
            for place, cell in enumerate(cells)
            if isinstance(cell, str) and fold_name(cell) == folded_marker
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
    if first in below and is_column_numbers(below[first]):
        first += 1
    labels = _labels([below.get(n, []) for n in range(top, bottom + 1)], merges, top)
    return Header(
        labels, ordinal, folded_marker in ORDINAL_MARKERS, first, first - top, fold_row(below.get(top, []))
    )


def fold_row(cells: list[Any]) -> list[str]:
    """Each cell as headers are compared, without blank ones at the end."""
    folded = [fold_name(normalize_cell(cell)) for cell in cells]
    while folded and not folded[-1]:
        folded.pop()
    return folded


def _is_header_row(cells: list[Any], ordinal: int) -> bool:
    """A row below the marker that still belongs to the header: labels only, no ordinal of its own."""
    filled = [cell for cell in cells if cell is not None]
    own = cells[ordinal] if ordinal < len(cells) else None
    return own is None and len(filled) > 1 and all(isinstance(cell, str) for cell in filled)


def is_column_numbers(cells: list[Any]) -> bool:
    """`(1) (2) (3)=(1)+(2)`, or a bare `1 2 3=4+5`: the number of each column, counted from 1."""
    texts = [normalize_cell(cell) for cell in cells if cell is not None]
    if texts and all(FORMULA_CELL.match(text) for text in texts):
        return True
    numbers = [match[1] for match in map(NUMBERED_CELL.match, texts) if match]
    return len(texts) > 2 and numbers == [str(n) for n in range(1, len(texts) + 1)]


def _labels(rows: list[list[Any]], merges: list[Merged], top: int) -> list[str]:
    """Merged header cells are filled over all they cover, then the labels of a column are joined."""
    width = max(map(len, rows))
    grid = [[normalize_cell(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
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


def normalize_cell(cell: Any) -> str:
    """The text of any cell: NFC, blanks folded to one; nothing for an empty cell."""
    if isinstance(cell, list):
        return str(cell[1])
    return "" if cell is None else unicodedata.normalize("NFC", " ".join(str(cell).split()))
