"""A report form of the open-data package as .xlsx: the published rows, headed in Vietnamese.

The form in its official layout, with every unit, is `report_ii06a.py`; what is public is this.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import xlsxwriter

from pipelines.exports.common import PublishedTable
from pipelines.lake.ledger import Release

WITHHELD = "che"


def write(con: duckdb.DuckDBPyConnection, table: PublishedTable, file: Path, *, newest: Release) -> None:
    """The temp table `open_data` as one sheet; equal rows give equal bytes. Texts are never formulas."""
    rows = con.execute("select * exclude (is_withheld), is_withheld from open_data").fetchall()
    columns = [column for column in table.columns if column.name != "is_withheld"]
    options = {"strings_to_formulas": False, "strings_to_urls": False, "default_date_format": "dd/mm/yyyy"}
    with xlsxwriter.Workbook(str(file), options) as book:
        title = str(table.meta.get("title_vi", table.name))
        book.set_properties({"title": title, "created": newest.as_of})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "border": 1})
        page = book.add_worksheet(table.name[:31])
        page.write_string(0, 0, title, book.add_format({"bold": True, "font_size": 13}))
        page.write_string(1, 0, f"Bản phát hành số {newest.release_id}; “{WITHHELD}”: số đếm nhỏ được che")
        for place, column in enumerate(columns):
            page.write_string(3, place, column.words.vi or column.name, bold)
        for line, (*values, hidden) in enumerate(rows, 4):
            for place, value in enumerate(values):
                if value is None:
                    page.write_string(line, place, WITHHELD if hidden else "")
                else:
                    page.write(line, place, value)
        page.set_column(0, len(columns) - 1, 14)
        page.freeze_panes(4, 2)
