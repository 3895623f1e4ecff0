"""Personal values as the demo's systems hold them: what may come to rest nowhere else."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path

from python_calamine import CalamineWorkbook

# Header → its values.
Planted = dict[str, set[str]]


def read_one_stop(demo: Path, headers: Collection[str]) -> Planted:
    with sqlite3.connect(demo / "one_stop.sqlite") as con:
        return {
            header: {
                text for (text,) in con.execute(f'select distinct "{header}" from ho_so_trang_thai') if text
            }
            for header in headers
        }


def read_register(demo: Path, headers: Collection[str]) -> Planted:
    texts = [path.read_text("utf-8-sig") for path in (demo / "issue_register").glob("*.csv")]
    rows = [row for text in texts for row in csv.DictReader(text.splitlines(), delimiter=";")]
    return {header: {row[header] for row in rows if row.get(header)} for header in headers}


def read_feedback(demo: Path, headers: Collection[str]) -> Planted:
    pages = [json.loads(path.read_text("utf-8")) for path in (demo / "citizen_feedback").rglob("*.json")]
    items = [item for page in pages for item in page["data"]["items"]]
    return {header: {item[header] for item in items if item.get(header)} for header in headers}


def read_tracker(demo: Path, headers: Collection[str]) -> Planted:
    """A header stands somewhere above its column; below it are its number, "(19)", and its values."""
    planted: Planted = {header: set() for header in headers}
    for path in (demo / "task_tracker").glob("*.xlsx"):
        book = CalamineWorkbook.from_path(path)
        for name in book.sheet_names:
            columns: dict[int, str] = {}
            for row in book.get_sheet_by_name(name).to_python():
                for number, header in columns.items():
                    value = str(row[number])
                    planted[header] |= {value} if re.fullmatch(r"[^(]+", value) else set()
                columns |= {number: str(cell) for number, cell in enumerate(row) if cell in planted}
    return planted


# Source → how its personal columns are read without the product.
READERS: dict[str, Callable[[Path, Collection[str]], Planted]] = {
    "citizen_feedback": read_feedback,
    "dossier_log": read_one_stop,
    "issue_register": read_register,
    "task_tracker": read_tracker,
}
