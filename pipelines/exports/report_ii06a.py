"""Form II.06a as an .xlsx in the form's own layout, one sheet per month, from the newest release.

Numbers stay numbers, only their format is Vietnamese; totals come from SQL, no formula waits to be computed.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import xlsxwriter

from pipelines.exports.common import newest_release
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.print_setup import set_up_print
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.sql import read_sql

FILE = "bieu_II06a.xlsx"
# Dots between thousands whatever the language of the reader's Excel: a plain `#,##0` follows the machine.
NUMBER = r"[>=1000000]0\.000\.000;[>=1000]0\.000;0"
COLUMNS = (
    "received_total", "received_online", "received_other", "carried_over",
    "resolved_total", "resolved_early", "resolved_on_time", "resolved_late",
    "open_total", "open_in_term", "open_overdue",
    "not_received", "waiting_for_receipt", "withdrawn",
)  # fmt: skip
# First row, first column, last row, last column within the head, and what it says.
HEAD = (
    (0, 0, 2, 0, "STT"),
    (0, 1, 2, 1, "Lĩnh vực giải quyết"),
    (0, 2, 0, 5, "Số lượng hồ sơ tiếp nhận"),
    (1, 2, 2, 2, "Tổng số"),
    (1, 3, 1, 4, "Trong kỳ"),
    (2, 3, 2, 3, "Trực tuyến"),
    (2, 4, 2, 4, "Trực tiếp, dịch vụ bưu chính"),
    (1, 5, 2, 5, "Từ kỳ trước"),
    (0, 6, 0, 9, "Số lượng hồ sơ đã giải quyết"),
    (1, 6, 2, 6, "Tổng số"),
    (1, 7, 2, 7, "Trước hạn"),
    (1, 8, 2, 8, "Đúng hạn"),
    (1, 9, 2, 9, "Quá hạn"),
    (0, 10, 0, 12, "Số lượng hồ sơ đang giải quyết"),
    (1, 10, 2, 10, "Tổng số"),
    (1, 11, 2, 11, "Trong hạn"),
    (1, 12, 2, 12, "Quá hạn"),
    (0, 13, 0, 15, "Ngoài biểu"),
    (1, 13, 2, 13, "Không được tiếp nhận"),
    (1, 14, 2, 14, "Chờ tiếp nhận"),
    (1, 15, 2, 15, "Rút hồ sơ (trong cột 7)"),
)
NUMBERED = (
    "(1)", "(2)", "(3)=(4)+(5)+(6)", "(4)", "(5)", "(6)", "(7)=(8)+(9)+(10)", "(8)", "(9)", "(10)",
    "(11)=(12)+(13)", "(12)", "(13)", "", "", "",
)  # fmt: skip
HEAD_ROW = 6
FIRST_ROW = HEAD_ROW + 4


class FormRow(NamedTuple):
    """One line of the form: `number` as the form counts (I, 1, 2 … II, 1 …), bold for totals."""

    number: str
    label: str
    counts: tuple[int, ...]
    is_total: bool


class Sheet(NamedTuple):
    month: date
    period_end: datetime
    lines: list[FormRow]


def write_form(settings: Settings, release_id: int | None = None) -> ExportResult:
    """Rewrite the workbook where its content changed; LookupError without a release. Default: of the newest."""
    contracts = load_contracts(settings.sources_file)
    with newest_release(settings, release_id) as (con, newest):
        content = workbook(
            list(sheets(con)),
            place=contracts.place.name,
            subtitle=f"Bản phát hành số {newest.release_id}, số liệu đến {newest.as_of:%H:%M ngày %d/%m/%Y}"
            + (". SỐ LIỆU GIẢ LẬP" if contracts.is_demo else ""),
            made_at=newest.as_of,
        )
    return write_workbook(settings.exports / FILE, content, newest)


def write_workbook(path: Path, content: bytes, release: Release) -> ExportResult:
    """Put a workbook in place where its bytes changed: aside first, then by rename."""
    if path.exists() and path.read_bytes() == content:
        return ExportResult(path, release, False)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".partial")
    draft.write_bytes(content)
    draft.replace(path)
    return ExportResult(path, release, True)


def sheets(con: duckdb.DuckDBPyConnection, relation: str = f"{ALIAS}.marts.report_ii06a") -> Iterator[Sheet]:
    """One sheet per month, the newest first: the whole place by sector, then every unit by sector."""
    sums = [f"sum({column})::bigint as {column}" for column in COLUMNS]
    query = read_sql("pipelines.exports", "report_ii06a", relation=relation, sums=sums)
    rows = con.execute(query).fetchall()
    by_month: dict[date, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_month.setdefault(row[0], []).append(row)
    for month, lines in by_month.items():
        yield Sheet(month, max(line[1] for line in lines), list(_numbered(lines)))


def workbook(sheets_of: list[Sheet], *, place: str, subtitle: str, made_at: datetime) -> bytes:
    """The file's bytes; equal content gives equal bytes."""
    buffer = BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"title": "Biểu số II.06a/VPCP/KSTT", "created": made_at})
        styles = _Styles(book)
        for sheet in sheets_of:
            _write_sheet(book.add_worksheet(f"{sheet.month:%m-%Y}"), sheet, styles, place, subtitle)
        if not sheets_of:
            book.add_worksheet("Không có số liệu")
    return buffer.getvalue()


class _Styles:
    def __init__(self, book: xlsxwriter.Workbook) -> None:
        font = {"font_name": "Times New Roman", "font_size": 11, "valign": "vcenter"}
        grid = {**font, "border": 1}
        self.plain = book.add_format(font)
        self.bold = book.add_format({**font, "bold": True})
        self.title = book.add_format({**font, "bold": True, "font_size": 13, "align": "center"})
        self.centre = book.add_format({**font, "align": "center", "italic": True})
        self.head = book.add_format({**grid, "bold": True, "align": "center", "text_wrap": True})
        self.numbered = book.add_format({**grid, "italic": True, "align": "center", "font_size": 9})
        self.text = {b: book.add_format({**grid, "bold": b, "text_wrap": True}) for b in (False, True)}
        self.order = {b: book.add_format({**grid, "bold": b, "align": "center"}) for b in (False, True)}
        self.count = {b: book.add_format({**grid, "bold": b, "num_format": NUMBER}) for b in (False, True)}


def _write_sheet(page: Any, sheet: Sheet, styles: _Styles, place: str, subtitle: str) -> None:
    last = len(NUMBERED) - 1
    month, end = sheet.month, sheet.period_end
    whole = end.day == monthrange(month.year, month.month)[1] and end.time() >= time(23, 59, 59)
    page.write_string(0, 0, "Biểu số II.06a/VPCP/KSTT", styles.bold)
    page.write_string(1, 0, "Ban hành theo Thông tư số 01/2020/TT-VPCP", styles.plain)
    page.write_string(0, 10, f"Đơn vị báo cáo: {place}", styles.bold)
    page.write_string(1, 10, subtitle, styles.plain)
    page.merge_range(
        2, 0, 2, last,
        "TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH TẠI CƠ QUAN, ĐƠN VỊ TRỰC TIẾP GIẢI QUYẾT",
        styles.title,
    )  # fmt: skip
    span = f"Từ ngày {month:%d/%m/%Y} đến {'hết ' if whole else f'{end:%H:%M} '}ngày {end:%d/%m/%Y}"
    page.merge_range(3, 0, 3, last, f"Kỳ báo cáo: Tháng {month.month}/{month.year}. {span}", styles.centre)
    page.merge_range(4, 0, 4, last, "Đơn vị tính: Số hồ sơ thủ tục hành chính", styles.centre)
    for top, left, bottom, right, text in HEAD:
        if (top, left) == (bottom, right):
            page.write_string(HEAD_ROW + top, left, text, styles.head)
        else:
            page.merge_range(HEAD_ROW + top, left, HEAD_ROW + bottom, right, text, styles.head)
    for column, text in enumerate(NUMBERED):
        page.write_string(HEAD_ROW + 3, column, text, styles.numbered)
    for row, line in enumerate(sheet.lines, FIRST_ROW):
        page.write_string(row, 0, line.number, styles.order[line.is_total])
        page.write_string(row, 1, line.label, styles.text[line.is_total])
        for column, value in enumerate(line.counts, 2):
            page.write_number(row, column, value, styles.count[line.is_total])
    signed = FIRST_ROW + len(sheet.lines) + 1
    page.merge_range(signed, 1, signed, 3, "Người lập biểu", styles.centre)
    page.merge_range(signed, 9, signed, 12, "Thủ trưởng đơn vị", styles.centre)
    page.set_column(0, 0, 7)
    page.set_column(1, 1, 38)
    page.set_column(2, last, 12)
    page.set_row(HEAD_ROW + 2, 45)
    page.freeze_panes(FIRST_ROW, 2)
    set_up_print(page, HEAD_ROW, HEAD_ROW + 3)


def _numbered(rows: list[tuple[Any, ...]]) -> Iterator[FormRow]:
    """Totals by Roman numerals, the sectors beneath them counted anew."""
    block = sector = 0
    for _, _, unit_name, sector_name, unit_code, sector_code, *counts in rows:
        if sector_code is None:
            block, sector = block + 1, 0
            label = "TỔNG SỐ" if unit_code is None else str(unit_name)
            yield FormRow(roman(block), label, tuple(counts), True)
        else:
            sector += 1
            yield FormRow(str(sector), str(sector_name), tuple(counts), False)


def roman(number: int) -> str:
    """1 → I, 4 → IV, 139 → CXXXIX."""
    steps = (
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    )
    numeral = ""
    for value, sign in steps:
        numeral += sign * (number // value)
        number %= value
    return numeral


EXPORT = Export(
    name="report_ii06a",
    write=write_form,
    kinds=frozenset({"excel"}),
    exposure="form_ii06a",
    files=(FILE,),
    remake=write_form,
    title_vi="Biểu II.06a",
    title_en="Form II.06a",
    description_vi="tệp .xlsx theo đúng mẫu, mỗi tháng một trang.",
    description_en="Form II.06a in its own layout, a sheet per month.",
)
