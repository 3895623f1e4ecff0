"""Per cents keep their scale from every format: a cell that shows 100 % is never 1 %."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt

from pipelines.sources import relation
from tests.cases.case_place import TASK_LABELS, CasePlace


@pytest.mark.parametrize("day", ["2025-08-06", "2025-08-07"])
def test_a_cell_that_shows_100_per_cent_is_never_published_as_1(tmp_path: Path, day: str) -> None:
    result = CasePlace("native_percent", tmp_path).validate_day("task_tracker", day)
    assert {row["progress"] for row in result.accepted} <= {100, 72, 0, 50}
    assert len(result.accepted) + len(result.rejected) == 5


def test_numbers_without_a_sign_have_no_value_until_their_scale_is_known(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    file = place.inbox / "tracker_2025-08-06.csv"
    file.write_text(
        file.read_text(encoding="utf-8").replace("100%", "1").replace("50%", "0"), encoding="utf-8"
    )
    seen = place.examine("task_tracker", "2025-08-06")
    assert any("percent_scale" in advice.text for advice in seen.advice if advice.about == "progress")
    day = place.validate_day("task_tracker", "2025-08-06")
    assert day.rejected == {1: {"progress_unparseable"}}
    assert day.report.blocked
    place.change_sources("progress: tien_do", "progress: {raw: tien_do, percent_scale: fraction}")
    again = place.validate_day("task_tracker", "2025-08-06")
    assert [row["progress"] for row in again.accepted] == [100, 0]


# As the cells show them: 100 %, 72 %, 0 %, 100 %, 50 %; and a day without a fraction.
DAYS = {"2025-08-06": [1.0, 0.72, 0.0, 1.0, 0.5], "2025-08-07": [1.0, 0.0, 0.0, 1.0, 0.0]}


def list_rows(shares: list[Any]) -> list[list[Any]]:
    return [
        [n, f"NV-{n:03d}", "a", "Tỉnh", "", "01/09/2025", "Đang thực hiện", share, ""]
        for n, share in enumerate(shares, 1)
    ]


def write_workbook(file: Path, shares: list[float]) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (TASK_LABELS, *list_rows(shares)):
        sheet.append(list(row))
    for row in sheet.iter_rows(min_row=2, min_col=8, max_col=8):
        row[0].number_format = "0%"
    book.save(file)


def write_old_workbook(file: Path, shares: list[float]) -> None:
    book = xlwt.Workbook()
    sheet, percent = book.add_sheet("NV"), xlwt.easyxf(num_format_str="0%")
    for number, row in enumerate((TASK_LABELS, *list_rows(shares))):
        for column, value in enumerate(row):
            sheet.write(
                number, column, value, percent if number and column == 7 else xlwt.Style.default_style
            )
    book.save(str(file))


def write_text(file: Path, shares: list[Any]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([TASK_LABELS, *list_rows(shares)])


def write_signed_text(file: Path, shares: list[float]) -> None:
    write_text(file, [f"{share:.0%}" for share in shares])


def write_json(file: Path, shares: list[float]) -> None:
    records = [dict(zip(TASK_LABELS, row, strict=True)) for row in list_rows(shares)]
    file.write_text(json.dumps(records), encoding="utf-8")


def write_parquet(file: Path, shares: list[float]) -> None:
    columns = zip(*list_rows(shares), strict=True)
    pq.write_table(pa.table(dict(zip(TASK_LABELS, map(list, columns), strict=True))), file)


def write_sqlite(file: Path, shares: list[float]) -> None:
    with closing(sqlite3.connect(file)) as con:
        names = ", ".join(f'"{name}"{" real" if name == "Tiến độ" else ""}' for name in TASK_LABELS)
        con.execute(f"create table tasks ({names})")
        con.executemany(f"insert into tasks values ({', '.join('?' * 9)})", list_rows(shares))
        con.commit()


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize(
    ("ending", "write", "tells_scale"),
    [
        ("xlsx", write_workbook, True),
        ("xls", write_old_workbook, True),
        ("csv", write_signed_text, True),
        ("csv", write_text, False),
        ("json", write_json, False),
        ("parquet", write_parquet, False),
        ("sqlite", write_sqlite, False),
    ],
)
def test_the_same_per_cents_come_out_of_every_format(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    day: str,
    ending: str,
    write: Callable[[Path, list[float]], None],
    tells_scale: bool,
) -> None:
    """Where nothing tells the scale: none but 0, whatever stands beside it, until sources.yaml says it."""
    monkeypatch.setattr(relation, "today", lambda: date.fromisoformat(day))
    place = CasePlace("native_percent", tmp_path)
    files = (
        'connector: files\n    partitioning: snapshot_day\n    path: "{data}/in/tracker_{partition}.xlsx"\n'
    )
    files += "    format: xlsx\n    header_marker: STT\n"
    more = "    number_format: en\n    max_rejected_share: 1\n"
    if ending == "sqlite":
        url = f"sqlite:///{{data}}/in/tasks_{day}.sqlite"
        keys = f"connector: database\n    partitioning: snapshot_day\n    url: {url}\n    table: tasks\n"
    else:
        keys = files.replace("tracker_{partition}.xlsx", f"tasks_{{partition}}.{ending}").replace(
            "format: xlsx", f"format: {ending}"
        )
    place.change_sources(files, keys + more)
    write(place.inbox / f"tasks_{day}.{ending}", DAYS[day])
    percents = [round(share * 100) for share in DAYS[day]]
    if not tells_scale:
        values = {row["_row"]: row["progress"] for row in place.validate_day("task_tracker", day).accepted}
        assert {n: value for n, value in values.items() if value is not None} == {
            n: 0 for n, share in enumerate(percents, 1) if share == 0
        }
        place.change_sources("progress: Tiến độ", "progress: {raw: Tiến độ, percent_scale: fraction}")
    assert [row["progress"] for row in place.validate_day("task_tracker", day).accepted] == percents
