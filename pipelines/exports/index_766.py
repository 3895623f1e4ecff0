"""Index 766 as an .xlsx: a sheet per level of units, and the items of the whole place, from the newest release.

Points never stand without what they cover; what is not scored is an empty cell, its reason stands in the first sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, NamedTuple

import duckdb
import xlsxwriter

from pipelines.exports.common import SINCE_START, list_tables, newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.print_setup import set_up_print
from pipelines.exports.report_ii06a import NUMBER, write_workbook
from pipelines.lake.catalogue import ALIAS
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import load_contracts
from pipelines.sql import read_sql

FILE = "bo_chi_so_766.xlsx"
MARTS = ("marts.service_quality_index", "marts.service_quality_items")
HEAD_ROW = 3
SCORE, SHARE = r"0\.00;\-0\.00", "0.00%"


class LevelSheet(NamedTuple):
    """`columns`: (heading, kind: text, count, score or share, width); `rows` in the same order."""

    name: str
    columns: Sequence[tuple[str, str, int]]
    rows: Sequence[Sequence[Any]]


def write_index(settings: Settings, release_id: int | None = None) -> ExportResult:
    """Rewrite the workbook where its content changed; LookupError without a release. Default: of the newest."""
    contracts = load_contracts(settings.sources_file)
    with newest_release(settings, release_id) as (con, newest):
        published = {table.qualified for table in list_tables(con, settings)}
        has_index = published.issuperset(MARTS)
        as_of = f"{newest.as_of:%H:%M ngày %d/%m/%Y}"
        subtitle = f"{contracts.place.name}. Bản phát hành số {newest.release_id}, số liệu đến {as_of}"
        content = workbook(
            list_sheets(con) if has_index else [],
            subtitle=subtitle + (". SỐ LIỆU GIẢ LẬP" if contracts.is_demo else ""),
            made_at=newest.as_of,
        )
    return write_workbook(settings.exports / FILE, content, newest)


def list_sheets(con: duckdb.DuckDBPyConnection, schema: str = f"{ALIAS}.marts") -> list[LevelSheet]:
    """The items of the whole place, then a sheet per level, its units by rank; since counting began."""
    canon = read_canon()
    items = _fetch(con, schema, "index_766_items")
    names = {row["item"]: row["item_name_vi"] for row in items}
    units = _fetch(con, schema, "index_766_units")
    sheets = [_list_items([row for row in items if row["unit_level"] == canon.whole.level])]
    rates = {(row["unit_code"], row["item"]): row["rate"] for row in items}
    for level in dict.fromkeys(row["unit_level"] for row in units if row["unit_level"] != canon.whole.level):
        title = canon.level_names[level].vi if level in canon.level_names else str(level)
        sheets.append(_list_units(title, [row for row in units if row["unit_level"] == level], names, rates))
    return sheets


def _fetch(con: duckdb.DuckDBPyConnection, schema: str, name: str) -> list[dict[str, Any]]:
    cursor = con.execute(read_sql("pipelines.exports", name, schema=schema, period=SINCE_START))
    columns = [column[0] for column in cursor.description or []]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _list_items(items: Iterable[dict[str, Any]]) -> LevelSheet:
    columns = (
        ("Mục", "text", 6), ("Tên mục", "text", 44), ("Nhóm", "text", 26), ("Tử số", "count", 11),
        ("Mẫu số", "count", 11),
        ("Chưa đạt", "count", 11), ("Không có dữ liệu", "count", 11), ("Tỷ lệ", "share", 10),
        ("Điểm", "score", 9), ("Tối đa", "count", 9), ("Điểm tạm tính", "score", 10), ("Tối đa tạm dùng", "count", 10),
        ("Lý do chưa chấm", "text", 34),
    )  # fmt: skip
    fields = ("item", "item_name_vi", "component_name_vi", "numerator", "denominator", "lost", "without_data", "rate",
              "points", "maximum", "working_points", "working_maximum", "missing_reason_vi")  # fmt: skip
    return LevelSheet("Toàn địa phương", columns, [[row[field] for field in fields] for row in items])


def _list_units(
    title: str,
    rows: Sequence[dict[str, Any]],
    names: dict[str, str],
    rates: dict[tuple[str, str], float | None],
) -> LevelSheet:
    """`rows`: unit × component with the total; a line per unit, in the order in which the totals come."""
    components = list(dict.fromkeys(row["component_name_vi"] for row in rows if row["component"] != "total"))
    by_unit: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        by_unit.setdefault(row["unit_code"], {})[
            "total" if row["component"] == "total" else row["component_name_vi"]
        ] = row
    columns = [("Hạng", "count", 7), ("Mã", "text", 9), ("Đơn vị", "text", 30)]
    columns += [("Điểm", "score", 9), ("Chấm được", "count", 9)]
    columns += [("Điểm tạm tính", "score", 10), ("Tạm chấm được", "count", 10)]
    columns += [(f"{name} (tạm tính)", "score", 12) for name in components]
    columns += [(f"{item} {name}", "share", 14) for item, name in names.items()]
    lines = []
    for code, own in by_unit.items():
        total = own["total"]
        line = [total["rank_in_level"], code, total["unit_name"], total["points"], total["covered"],
                total["working_points"], total["working_covered"]]  # fmt: skip
        line += [own[name]["working_points"] for name in components]
        lines.append(line + [rates.get((code, item)) for item in names])
    return LevelSheet(title[:31], columns, lines)


def workbook(sheets: Sequence[LevelSheet], *, subtitle: str, made_at: datetime) -> bytes:
    """The file's bytes; equal content gives equal bytes. Texts are never formulas."""
    buffer = BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": "Bộ chỉ số 766", "created": made_at})
        font = {"font_name": "Times New Roman", "font_size": 11, "valign": "top"}
        grid = {**font, "border": 1}
        formats = {
            "title": book.add_format({**font, "bold": True, "font_size": 13}),
            "note": book.add_format({**font, "italic": True}),
            "head": book.add_format({**grid, "bold": True, "align": "center", "text_wrap": True}),
            "text": book.add_format({**grid, "text_wrap": True}),
            "count": book.add_format({**grid, "num_format": NUMBER}),
            "score": book.add_format({**grid, "num_format": SCORE}),
            "share": book.add_format({**grid, "num_format": SHARE}),
        }
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.name), sheet, formats, subtitle)
        if not sheets:
            book.add_worksheet("Không có số liệu")
    return buffer.getvalue()


def _write_sheet(page: Any, sheet: LevelSheet, formats: dict[str, Any], subtitle: str) -> None:
    page.write_string(0, 0, f"Bộ chỉ số 766 (Quyết định 766/QĐ-TTg): {sheet.name}", formats["title"])
    page.write_string(1, 0, f"{subtitle}. Ô trống: chưa chấm được, không phải 0 điểm.", formats["note"])
    for column, (heading, _, width) in enumerate(sheet.columns):
        page.write_string(HEAD_ROW, column, heading, formats["head"])
        page.set_column(column, column, width)
    for row, values in enumerate(sheet.rows, HEAD_ROW + 1):
        for column, (value, (_, kind, _)) in enumerate(zip(values, sheet.columns, strict=True)):
            if value is None:
                page.write_blank(row, column, None, formats[kind])
            elif kind == "text":
                page.write_string(row, column, str(value), formats[kind])
            else:
                page.write_number(row, column, value, formats[kind])
    page.set_row(HEAD_ROW, 62)
    page.freeze_panes(HEAD_ROW + 1, 3)
    page.autofilter(HEAD_ROW, 0, HEAD_ROW + max(len(sheet.rows), 1), len(sheet.columns) - 1)
    set_up_print(page, HEAD_ROW, HEAD_ROW)


EXPORT = Export(
    name="index_766",
    write=write_index,
    kinds=frozenset({"excel"}),
    exposure="index_766_workbook",
    files=(FILE,),
    remake=write_index,
    title_vi="Bộ chỉ số 766",
    title_en="Index 766",
    description_vi="tệp .xlsx, mỗi cấp đơn vị một trang, từng mục kèm lý do chưa chấm.",
    description_en="Index 766, a sheet per level of units, item by item with the reason where there are no points.",
)
