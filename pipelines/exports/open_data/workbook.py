"""A report form of the open-data package as .xlsx: the published rows, headed in Vietnamese.

The form in its official layout, with every unit, is `report_ii06a.py`; what is public is this.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import xlsxwriter

from pipelines.exports.common import PublishedColumn, PublishedTable
from pipelines.exports.print_setup import set_up_print
from pipelines.exports.report_ii06a import NUMBER
from pipelines.lake.ledger import Release

WITHHELD = "che"
HEAD_ROW = 3
# Width in characters by type, and how a value of it is shown.
WIDTHS = {"VARCHAR": 26, "DATE": 12, "TIMESTAMP": 18}
OTHER_WIDTH = 13
FORMATS = {
    "DATE": "dd/mm/yyyy",
    "TIMESTAMP": "hh:mm dd/mm/yyyy",
    "BIGINT": NUMBER,
    "INTEGER": NUMBER,
    "DOUBLE": "0.00%",
}


def write(con: duckdb.DuckDBPyConnection, table: PublishedTable, file: Path, *, newest: Release) -> None:
    """The temp table `open_data` as one sheet; equal rows give equal bytes. Texts are never formulas."""
    rows = con.execute("select * exclude (is_withheld), is_withheld from open_data").fetchall()
    columns = [column for column in table.columns if column.name != "is_withheld"]
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(file), options) as book:
        title = str(table.meta.get("title_vi", table.name))
        book.set_properties({"title": title, "created": newest.as_of})
        font = {"font_name": "Times New Roman", "font_size": 11, "valign": "top"}
        head = book.add_format({**font, "bold": True, "text_wrap": True, "align": "center", "border": 1})
        gap = book.add_format(
            {**font, "italic": True, "align": "right", "border": 1, "font_color": "#666666"}
        )
        formats = {
            kind: book.add_format(
                {
                    **font,
                    "border": 1,
                    "text_wrap": kind == "VARCHAR",
                    "num_format": FORMATS.get(kind, "General"),
                }
            )
            for kind in sorted({column.type for column in columns})
        }
        page = book.add_worksheet(table.name[:31])
        page.write_string(0, 0, title, book.add_format({**font, "bold": True, "font_size": 13}))
        subtitle = (
            f"Bản phát hành số {newest.release_id}, số liệu đến {newest.as_of:%H:%M ngày %d/%m/%Y}. "
            f"“{WITHHELD}”: số được che để không lộ số đếm từ 1 đến 4."
        )
        page.write_string(1, 0, subtitle, book.add_format({**font, "italic": True}))
        for index, column in enumerate(columns):
            page.write_string(HEAD_ROW, index, name_column(column), head)
            page.set_column(index, index, WIDTHS.get(column.type, OTHER_WIDTH))
        for line, (*values, hidden) in enumerate(rows, HEAD_ROW + 1):
            for index, (value, column) in enumerate(zip(values, columns, strict=True)):
                if value is None:
                    page.write_string(line, index, WITHHELD if hidden else "", gap)
                else:
                    page.write(line, index, value, formats[column.type])
        page.freeze_panes(HEAD_ROW + 1, len(table.key))
        set_up_print(page, HEAD_ROW, HEAD_ROW)


def name_column(column: PublishedColumn) -> str:
    """The first sentence of its Vietnamese description, without the number that the form gives it."""
    sentence = column.words.vi.split(". ")[0].rstrip(".")
    name = re.sub(r"^Cột \d+: ", "", sentence) or column.name
    return name[:1].upper() + name[1:]
