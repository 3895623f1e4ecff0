"""A source of workbook sheets, its table, and a workbook edited from outside: shared by the tests of workbooks."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from tests.unit.files_support import put, rows, source, workbook


def sheet_source(**changes: object) -> Source:
    columns = (
        {"name": "code", "raw": "Mã", "required": True},
        {"name": "start", "raw": "Thời gian Bắt đầu", "type": "date"},
        {"name": "due", "raw": "Thời gian Hạn", "type": "date"},
    )
    return source(
        **{"path": "{data}/in/{partition}.xlsx", "format": "xlsx", "columns": columns} | changes  # type: ignore[arg-type]
    )


TABLE: list[list[Any]] = [["STT", "Mã", "Nội dung"], [1, "A", "x"], [2, "B", "y"]]


def read(settings: Settings, one: Source) -> list[tuple]:
    return [tuple(row.values()) for row in rows(settings, one)]


def edited(settings: Settings, *changes: tuple[str, str], add: dict[str, bytes] | None = None) -> None:
    """The little table with its first sheet's XML changed, or members added."""
    source_path = workbook(settings, "plain.xlsx", {"A": TABLE})
    out = io.BytesIO()
    with zipfile.ZipFile(source_path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            text = old.read(entry)
            if entry.filename.endswith("sheet1.xml"):
                for before, after in changes:
                    assert before.encode() in text, text[:2000]
                    text = text.replace(before.encode(), after.encode())
            new.writestr(entry.filename, text)
        for name, content in (add or {}).items():
            new.writestr(name, content)
    put(settings, "2025-08-06.xlsx", out.getvalue())


def pair_source(**changes: object) -> Source:
    columns = (
        {"name": "code", "raw": "Mã", "required": True},
        {"name": "note", "raw": "Nội dung"},
    )
    return sheet_source(**{"columns": columns} | changes)
