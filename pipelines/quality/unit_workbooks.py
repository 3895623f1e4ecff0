"""Rejected rows as workbooks for the units that can correct them: Vietnamese, texts only, no formula.

What the rows hold was cleared of personal data when it was stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.sources.contracts.contract import Contracts

# Column, what of a rejection it shows, width in characters.
COLUMNS = (
    ("STT", None, 6),
    ("Nguồn", "source", 26),
    ("Ngày dữ liệu", "day", 13),
    ("Dòng số", "row", 9),
    ("Khóa của dòng", "row_key", 44),
    ("Cột sai", "column", 22),
    ("Giá trị sai", "value", 34),
    ("Lý do", "reason_vi", 60),
    ("Quy tắc", "rule", 26),
    ("Bị loại lần đầu", "first_seen", 16),
    ("Bị loại gần nhất", "last_seen", 16),
)
LONGEST_CELL = 32_767
NO_UNIT, NO_UNIT_FILE = "Không rõ đơn vị", "khong-ro-don-vi"


def write_unit_workbooks(
    rows: Sequence[Mapping[str, Any]],
    contracts: Contracts,
    unit_names: Mapping[str, str],
    out: Path,
    *,
    per_unit: bool,
) -> list[Path]:
    """One workbook with a sheet per unit at `out`, or one workbook per unit in the folder `out`."""
    by_unit: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda r: (r["unit_code"] is None, r["unit_code"] or "")):
        by_unit.setdefault(row["unit_code"], []).append(row)
    if not per_unit:
        out.parent.mkdir(parents=True, exist_ok=True)
        return [_workbook(out, by_unit, contracts, unit_names)]
    out.mkdir(parents=True, exist_ok=True)
    names = _distinct([re.sub(r"[^\w.-]", "_", unit) if unit else NO_UNIT_FILE for unit in by_unit], 60)
    return [
        _workbook(out / f"{name}.xlsx", {unit: unit_rows}, contracts, unit_names)
        for name, (unit, unit_rows) in zip(names, by_unit.items(), strict=True)
    ]


def _workbook(
    path: Path,
    by_unit: Mapping[str | None, Sequence[Mapping[str, Any]]],
    contracts: Contracts,
    unit_names: Mapping[str, str],
) -> Path:
    import xlsxwriter

    # A cell that starts with "=" or looks like a link is a text like any other.
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        title = book.add_format({"bold": True, "font_size": 13})
        head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        text = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        for sheet_name, (unit, rows) in zip(_sheet_names(by_unit), by_unit.items(), strict=True):
            sheet = book.add_worksheet(sheet_name)
            name = unit_names.get(unit or "", "")
            sheet.write_string(
                0, 0, f"Dữ liệu bị loại cần sửa: {name or unit or NO_UNIT} ({len(rows)} dòng)", title
            )
            sheet.write_string(
                1, 0, "Đề nghị sửa tại hệ thống nguồn; dòng đã sửa được nhận lại ở lần đồng bộ kế tiếp."
            )
            for column, (label, _, width) in enumerate(COLUMNS):
                sheet.write_string(3, column, label, head)
                sheet.set_column(column, column, width)
            for number, row in enumerate(rows, 1):
                for column, (_, field, _) in enumerate(COLUMNS):
                    content = str(number) if field is None else _format_field(field, row, contracts)
                    sheet.write_string(3 + number, column, content, text)
            sheet.freeze_panes(4, 0)
            sheet.autofilter(3, 0, 3 + len(rows), len(COLUMNS) - 1)
            sheet.set_landscape()
            sheet.fit_to_pages(1, 0)
    return path


def _format_field(field: str, row: Mapping[str, Any], contracts: Contracts) -> str:
    source = contracts.sources.get(row["source"])
    match field:
        case "source":
            return source.title_vi if source else row["source"]
        case "column":
            titles = {c.name: c.title_vi for c in source.columns} if source else {}
            return titles.get(row["column"]) or row["column"]
        case "day" | "first_seen" | "last_seen":
            return f"{row[field]:%d/%m/%Y}"
    # A longer text than a cell holds would be left out as a whole.
    return "" if row[field] is None else str(row[field])[:LONGEST_CELL]


def _sheet_names(units: Mapping[str | None, object]) -> list[str]:
    """Excel's rules: at most 31 characters, none of []:*?/\\, no two alike whatever their case."""
    return _distinct([re.sub(r"[\[\]:*?/\\']", "_", unit or NO_UNIT) for unit in units], 31)


def _distinct(names: Sequence[str], longest: int) -> list[str]:
    """Cut to a length, and numbered where two would be alike whatever their case."""
    distinct: list[str] = []
    for name in names:
        candidate, number = name[:longest], 1
        while candidate.casefold() in {n.casefold() for n in distinct}:
            number += 1
            candidate = f"{name[: longest - 4]} {number}"
        distinct.append(candidate)
    return distinct
