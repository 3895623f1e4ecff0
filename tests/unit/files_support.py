"""A small file source and what it lands: shared by the tests of file formats."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq

from pipelines.landing.batches import Batch
from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source

DAY = date(2025, 8, 6)
TEXT = "Mã;Nội dung\n1;Nghệ An\n2;Vinh\n"
# What TEXT says.
READ = [("1", "Nghệ An"), ("2", "Vinh")]


def source(**changes: object) -> Source:
    """Two text columns, one of them required; a personal column that must never be landed."""
    base: dict = {
        "name": "register", "title_vi": "Sổ", "connector": "files", "grain": "row", "key": ("code",),
        "partitioning": "snapshot_day", "path": "{data}/in/{partition}.csv", "format": "csv",
        "delimiter": ";", "encoding": "utf-8", "max_rejected_share": 0.1, "suite": "issue_register.json",
        "columns": (
            {"name": "code", "raw": "Mã", "required": True},
            {"name": "note", "raw": "Nội dung"},
        ),
        "personal": {"Họ tên": "name"},
    }  # fmt: skip
    return Source.model_validate(base | changes)


def put(settings: Settings, name: str, content: bytes) -> Path:
    path = settings.data / "in" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(content)
    return path


def landed(settings: Settings, one: Source, day: date = DAY) -> Batch:
    return land_partition(one, day, settings, run_id="t")


def rows(settings: Settings, one: Source, day: date = DAY) -> list[dict]:
    read = pq.read_table(landed(settings, one, day).path).to_pylist()
    return [{name: cell for name, cell in row.items() if name != "_row"} for row in read]


def pairs(settings: Settings, one: Source) -> list[tuple]:
    """(code, note) of every landed row, in order."""
    return [(row["code"], row.get("note")) for row in rows(settings, one)]


def workbook(settings: Settings, name: str, sheets: dict[str, list[list[Any]]], *merges: str) -> Path:
    """An .xlsx of these rows; merges are those of the first sheet."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    for merged in merges:
        book.worksheets[0].merge_cells(merged)
    path = settings.data / "in" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    book.save(path)
    return path
