"""A sheet as a person exports it → a rectangular frame (DOMAIN §7, Excel).

The header is the row that holds the marker ("STT") within the first 40 rows, plus the rows below it
that still belong to it; group rows, totals and the "(1) (2)…" row are dropped, and counted.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

HEADER_SEARCH_ROWS = 40
FORMULA_CELL = re.compile(r"^\(\d+\)([=+\-*/:\s]|\(\d+\))*$")
ORDINAL = re.compile(r"^\d+(\.\d+)*\.?$")


class Sheet(NamedTuple):
    """`frame`: one row per record, columns by joined header labels; `notes`: what was dropped."""

    frame: pd.DataFrame
    notes: tuple[str, ...]


def read_sheet(path: Path, name: str | None, *, marker: str = "STT") -> Sheet:
    """ValueError where the sheet or its header row is absent."""
    try:
        book = CalamineWorkbook.from_path(str(path))
    except CalamineError as error:
        raise ValueError(f"not a readable workbook: {error}") from None
    if name is not None and name not in book.sheet_names:
        raise ValueError(f"no sheet {name!r}; found {', '.join(book.sheet_names)}")
    sheet = book.get_sheet_by_name(name) if name else book.get_sheet_by_index(0)
    rows = [[_clean(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    top = next((i for i, row in enumerate(rows[:HEADER_SEARCH_ROWS]) if marker in map(_text, row)), None)
    if top is None:
        raise ValueError(f"no header row with {marker!r} in the first {HEADER_SEARCH_ROWS} rows")
    ordinal = [_text(cell) for cell in rows[top]].index(marker)
    body = next(
        (i for i, row in enumerate(rows[top + 1 :], top + 1) if not _is_header(row, ordinal)),
        len(rows),
    )
    labels = _labels(rows[top:body])
    records, dropped = [], 0
    for row in rows[body:]:
        if ORDINAL.match(_text(row[ordinal])):
            records.append(row)
        elif any(cell is not None for cell in row):
            dropped += 1
    frame = pd.DataFrame(records, columns=range(len(labels)), dtype=object)
    keep = [i for i, label in enumerate(labels) if label]
    frame = frame[keep].set_axis([labels[i] for i in keep], axis=1)
    return Sheet(frame, (f"{dropped} group, total and note rows dropped",) if dropped else ())


def _is_header(row: list[Any], ordinal: int) -> bool:
    """Below the marker row: merged continuations and the formula row have no ordinal of their own."""
    cells = [_text(cell) for cell in row if cell is not None]
    if cells and all(FORMULA_CELL.match(cell) for cell in cells):
        return True
    return row[ordinal] is None and len(cells) > 1 and not any(map(_looks_like_data, row))


def _looks_like_data(cell: Any) -> bool:
    return isinstance(cell, int | float | date)


def _labels(header: list[list[Any]]) -> list[str]:
    """Merged header rows: the first is filled forward, labels of a column are joined."""
    labels = []
    carried = ""
    for column in range(len(header[0])):
        parts = [_text(row[column]) for row in header]
        parts = [p for p in parts if p and not FORMULA_CELL.match(p)]
        if header[0][column] is not None:
            carried = _text(header[0][column])
        elif parts:
            parts = [carried, *parts]
        unique = list(dict.fromkeys(parts))
        labels.append(" ".join(unique))
    return labels


def _clean(cell: Any) -> Any:
    if isinstance(cell, str):
        cell = cell.strip().strip("\u00a0")
        return cell or None
    return cell


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else " ".join(str(cell).split())
