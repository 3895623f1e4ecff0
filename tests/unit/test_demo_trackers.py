"""The demo's spreadsheets and registers, read back as a person would find them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from pipelines.demo import REFERENCE, SNAPSHOT_DAYS
from pipelines.demo.issues import FAULTS, make_issues, write_register
from pipelines.demo.tasks import count_facts, list_tracker_rows
from pipelines.demo.tracker_sheet import write_tracker

CUTOFF_DAY = date(2025, 8, 6)


@pytest.fixture(scope="module")
def units() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "units.csv", dtype=str, keep_default_na=False)


def _read(path: Path, sheet: str) -> list[list[Any]]:
    book = openpyxl.load_workbook(path, read_only=True)
    return [list(row) for row in book[sheet].iter_rows(values_only=True)]


def test_provincial_tasks_on_the_cut_off_day(units: pd.DataFrame) -> None:
    """23 = 14 completed, all in time, + 9 in progress within deadline + 0 overdue (docs/domain.md K3)."""
    tasks = list_tracker_rows(CUTOFF_DAY, units).provincial
    done = [t for t in tasks if t.finished is not None]
    assert len(tasks) == 23
    assert len(done) == 14
    assert all(t.finished is not None and t.finished <= t.due for t in done)
    assert all(t.due >= CUTOFF_DAY for t in tasks if t.finished is None)


@pytest.mark.parametrize("day", SNAPSHOT_DAYS)
def test_sixteen_tasks_in_each_of_130_communes(units: pd.DataFrame, day: date) -> None:
    per_commune = Counter(t.unit_code for t in list_tracker_rows(day, units).commune)
    assert len(per_commune) == 130
    assert set(per_commune.values()) == {16}


def test_snapshots_tell_one_history(units: pd.DataFrame) -> None:
    """What is done stays done on the same day; one due date is moved, one status goes back."""
    seen = [
        {(t.code, t.unit_code): t for rows in list_tracker_rows(day, units) for t in rows}
        for day in SNAPSHOT_DAYS
    ]
    moved, reverted = set(), set()
    for before, after in pairwise(seen):
        assert before.keys() == after.keys()
        for key, task in before.items():
            if task.finished is not None:
                assert after[key].finished == task.finished
            if task.due != after[key].due:
                moved.add(key)
            if task.progress == "100%" and after[key].progress != "100%":
                reverted.add(key)
            assert task.updated <= after[key].updated
    assert moved == {("NV-21", "")}
    assert reverted == {("NV-15", "")}


def test_reported_and_derived_status_conflict_in_counted_rows(units: pd.DataFrame) -> None:
    rows = list_tracker_rows(CUTOFF_DAY, units)
    reported_done = [t for t in rows.commune if t.status == "Hoàn thành" and t.finished is None]
    assert count_facts(rows)["done_without_date"] == len(reported_done) > 0
    assert not any(t.status == "Hoàn thành" for t in rows.provincial)


def test_the_sheet_looks_as_a_person_exports_it(units: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "2025-08-06.xlsx"
    write_tracker(path, list_tracker_rows(CUTOFF_DAY, units))
    provincial = _read(path, "Nhiệm vụ cấp tỉnh")
    top = next(i for i, row in enumerate(provincial) if "STT" in row)
    assert top == 5
    assert {row[0] for row in provincial} == {None}
    assert provincial[top][4:6] == ["Văn bản giao", None]
    assert provincial[top + 1][4:6] == ["Số hiệu", "Ngày"]
    assert provincial[top + 2][1:4] == ["(1)", "(2)", "(3)"]
    assert sum(isinstance(row[1], int | float) for row in provincial) == 23
    assert [row[3] for row in provincial if row[2] == "Tổng cộng"] == ["23"]
    assert provincial[top + 3][12].date() == date(2025, 7, 10)

    commune = _read(path, "Nhiệm vụ cấp xã")
    assert sum(isinstance(row[1], int | float) for row in commune) == 16 * 130
    first = next(row for row in commune if row[1] == 1)
    assert first[9:11] == ["Phường Thành Vinh", "16681"]
    assert first[12] == "05/07/2025"


@pytest.fixture(scope="module")
def registers(
    units: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> dict[date, tuple[list[dict[str, str]], dict]]:
    folder = tmp_path_factory.mktemp("issues")
    issues = make_issues(units, np.random.default_rng(1), 1_500)
    by_day = {}
    for day in SNAPSHOT_DAYS:
        manifest = write_register(folder / f"{day}.csv", issues, day)
        by_day[day] = (_register(folder / f"{day}.csv"), manifest)
    return by_day


def _register(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\n") == raw.count(b"\r\n")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_the_register_holds_about_1500_issues_and_its_faults(registers: dict) -> None:
    rows, manifest = registers[CUTOFF_DAY]
    assert len(rows) == manifest["rows"] == 1_500 + 3 + 4 + 2
    assert sum(r["Ngày phản ánh"] == "32/13/2025" for r in rows) == FAULTS["reported_at_unparseable"] == 3
    assert sum(r["Nhóm vướng mắc"] == "Chuyện lạ" for r in rows) == FAULTS["category_unknown"] == 4
    assert sum(r["Mức độ"] == "Khẩn" for r in rows) == FAULTS["severity_unknown"] == 2
    assert len({r["Nhóm vướng mắc"] for r in rows} - {"Chuyện lạ"}) == 12
    assert len({r["Mã đơn vị"] for r in rows}) == 130


def test_statuses_advance_and_some_issues_are_reopened(registers: dict) -> None:
    ends = {"Đã tháo gỡ", "Không chấp nhận", "Trùng lặp"}
    earlier, later = (
        {r["Mã vướng mắc"]: r["Trạng thái"] for r in registers[day][0]}
        for day in (date(2025, 7, 29), CUTOFF_DAY)
    )
    assert earlier.keys() < later.keys()
    closed = sum(earlier[c] not in ends and later[c] in ends for c in earlier)
    reopened = sum(earlier[c] in ends and later[c] not in ends for c in earlier)
    assert closed > 100
    assert 0 < reopened <= registers[CUTOFF_DAY][1]["reopened"]


def test_a_closed_issue_has_its_day_and_an_open_one_has_none(registers: dict) -> None:
    ends = {"Đã tháo gỡ", "Không chấp nhận", "Trùng lặp"}
    for rows, _ in registers.values():
        assert all((r["Trạng thái"] in ends) == bool(r["Ngày tháo gỡ"]) for r in rows)


def test_some_difficulties_that_stay_open_go_up_to_the_province(registers: dict) -> None:
    earlier, later = (
        {r["Mã vướng mắc"]: r["Cấp giải quyết"] for r in registers[day][0]}
        for day in (date(2025, 7, 29), CUTOFF_DAY)
    )
    moved = {(earlier[c], later[c]) for c in earlier if earlier[c] != later[c]}
    assert moved == {("Cấp xã", "UBND tỉnh"), ("Sở ngành", "UBND tỉnh")}
    assert 0 < registers[CUTOFF_DAY][1]["escalated"] < 500


def test_free_text_names_people_so_that_dropping_it_matters(registers: dict) -> None:
    rows = [r for r in registers[CUTOFF_DAY][0] if r["Điện thoại"]]
    assert all(r["Điện thoại"] in r["Mô tả"] and r["Người phản ánh"] in r["Mô tả"] for r in rows)


def test_issues_are_addressed_to_somebody_who_exists(registers: dict) -> None:
    for row in registers[CUTOFF_DAY][0]:
        level, addressee = row["Cấp giải quyết"], row["Mã cơ quan giải quyết"]
        expected = {"Cấp xã": row["Mã đơn vị"], "UBND tỉnh": "H41.01", "Bộ ngành": ""}
        assert addressee == expected.get(level, addressee)
        assert addressee.startswith("H41.") or level != "Sở ngành"
