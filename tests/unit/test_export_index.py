"""Index 766 as a workbook: a sheet per level, units apart from each other, what is not scored as an empty cell."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import Any

import duckdb
import openpyxl
import pytest

from pipelines.exports.index_766 import HEAD_ROW, list_sheets, workbook
from tests.unit.small_warehouse import Built

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def book(built: Built) -> openpyxl.Workbook:
    with duckdb.connect(str(built.settings.warehouse), read_only=True) as con:
        sheets = list_sheets(con, "marts")
    content = workbook(sheets, subtitle="Bản phát hành số 7", made_at=datetime(2025, 7, 4, 12))
    assert content == workbook(sheets, subtitle="Bản phát hành số 7", made_at=datetime(2025, 7, 4, 12))
    return openpyxl.load_workbook(BytesIO(content))


def read_rows(book: openpyxl.Workbook, name: str) -> list[dict[str, Any]]:
    lines = book[name].iter_rows(min_row=HEAD_ROW + 1, values_only=True)
    heading = next(lines)
    return [dict(zip(heading, line, strict=True)) for line in lines]


def test_each_level_has_a_sheet_of_its_own_beside_the_items_of_the_whole(book: openpyxl.Workbook) -> None:
    first, *levels = book.sheetnames
    assert first == "Toàn địa phương" and len(levels) == 2
    units = [{row["Đơn vị"] for row in read_rows(book, name)} for name in levels]
    assert sorted(map(sorted, units)) == [["Sở Một"], ["Xã Hai", "Xã Mới"]]


def test_the_items_of_the_whole_have_points_or_a_reason(book: openpyxl.Workbook) -> None:
    items = {row["Mục"]: row for row in read_rows(book, "Toàn địa phương")}
    assert len(items) == 20
    handled, published = items["2.1"], items["1.1"]
    assert (handled["Tử số"], handled["Mẫu số"], handled["Chưa đạt"], handled["Tối đa"]) == (1, 3, 2, 20)
    assert handled["Điểm"] == pytest.approx(20 / 3) and handled["Lý do chưa chấm"] is None
    assert published["Điểm"] is None and published["Lý do chưa chấm"] == "Chưa có nguồn dữ liệu"


def test_a_unit_is_ranked_among_its_level_and_an_empty_cell_is_no_zero(book: openpyxl.Workbook) -> None:
    [level] = [name for name in book.sheetnames if any(r.get("Mã") == "NEW" for r in read_rows(book, name))]
    new, two = read_rows(book, level)
    assert (new["Mã"], new["Hạng"], new["Chấm được"]) == ("NEW", 1, 26) and new["Điểm"] == pytest.approx(10)
    assert (two["Mã"], two["Hạng"], two["Điểm"], two["Chấm được"]) == ("HAI", None, None, 0)
