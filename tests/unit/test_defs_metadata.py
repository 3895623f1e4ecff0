"""What the UI shows of a day is that day's own: its batch, its report; a day without one says so."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.landing.pull import land_partition
from pipelines.night import LandedDays
from pipelines.quality.reports import Report
from pipelines.runs.plan import DaysRefused, check_days, find_last_day
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts
from tests.unit.test_landing_drift import ROWS, source

DAYS = ["2025-08-05", "2025-08-06", "2025-08-07"]


def test_each_day_has_the_batch_that_counts_of_it_and_a_day_without_says_so(tmp_path: Path) -> None:
    from pipelines.defs.landing import NOTHING_CAME, describe_days

    settings = Settings(data=tmp_path)
    batches = []
    for day, rows in (("2025-08-05", ROWS), ("2025-08-06", ROWS[:1])):
        (tmp_path / "log.csv").write_text("\n".join(["Mã,Kênh,Đơn vị,Hạn", *rows]) + "\n", encoding="utf-8")
        batches.append(
            land_partition(source(tmp_path), date.fromisoformat(day), settings, run_id=f"run {day}")
        )
    first, second = batches
    days = describe_days(settings, "log", DAYS, LandedDays([second], [date(2025, 8, 7)]))
    assert list(days) == DAYS
    assert [days[day].get("dagster/row_count") for day in DAYS] == [2, 1, None]
    assert [days[day].get("sha256") for day in DAYS] == [first.sha256, second.sha256, None]
    assert [days[day].get("batch") for day in DAYS] == [first.batch_id, second.batch_id, None]
    assert days["2025-08-05"]["landed by run"] == "run 2025-08-05"
    assert [days[day]["provided"] for day in DAYS] == [
        "landed before; not pulled again", "landed by this run", NOTHING_CAME,
    ]  # fmt: skip


def test_each_day_has_its_own_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from pipelines.defs import accepted

    monkeypatch.setattr(accepted, "SETTINGS", Settings(data=tmp_path))
    rule = {"rule": "channel_unknown", "severity": "critical", "unexpected": 3}
    reports = [
        Report("b5", "log", "2025-08-05", 10, 7, 3, False, (rule,), tmp_path / "quality/log/2025-08-05"),
        Report("b6", "log", "2025-08-06", 4, 4, 0, False, (), tmp_path / "quality/log/2025-08-06"),
    ]
    days = accepted.describe_reports(reports, DAYS)
    assert [days[day][0].get("dagster/row_count") for day in DAYS] == [7, 4, None]
    assert [days[day][1].get("dagster/row_count") for day in DAYS] == [3, 0, None]
    assert days["2025-08-05"][0]["report"].value == "/reports/log/2025-08-05/b5.html"
    assert "| channel_unknown | critical | 3 |" in days["2025-08-05"][1]["by rule"].value
    assert "not provided" in days["2025-08-07"][0]["provided"]


def test_the_demo_ends_a_day_after_its_last_and_another_place_does_not(tmp_path: Path) -> None:
    contracts = load_contracts(PROJECT / "sources.yaml")
    settings = Settings(data=tmp_path)
    assert contracts.is_demo and find_last_day(settings, contracts) is None, "before the demo is made"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "manifest.json").write_text('{"until": "2025-08-07"}')
    end = find_last_day(settings, contracts)
    assert end == date(2025, 8, 8)
    assert find_last_day(settings, contracts.model_copy(update={"is_demo": False})) is None
    today = date(2026, 1, 1)
    check_days(contracts, date(2025, 8, 1), date(2025, 8, 8), today, end)
    with pytest.raises(
        DaysRefused, match=r"2025-08-09 is after the demo's last day.*to 2025-08-08 can be pulled"
    ):
        check_days(contracts, date(2025, 8, 1), date(2025, 8, 9), today, end)


def test_a_model_is_described_by_its_question_in_vietnamese_first() -> None:
    from pipelines.defs.dbt_specs import describe_model

    node = {
        "description": "EN Grain: one row per unit. / VI Mỗi dòng một đơn vị.",
        "config": {"meta": {"question_vi": "Xã nào chậm?", "question_en": "Who is late?"}},
    }
    assert describe_model(node).split("\n\n") == [
        "Xã nào chậm?", "Mỗi dòng một đơn vị.", "Who is late?", "Grain: one row per unit.",
    ]  # fmt: skip
    assert describe_model({"description": "EN Units. / VI Đơn vị."}) == "Đơn vị.\n\nUnits."


def test_the_head_of_a_mart_is_a_table_of_few_rows_and_columns(tmp_path: Path) -> None:
    from pipelines import duck
    from pipelines.defs.previews import MOST_COLUMNS, preview_marts

    settings = Settings(data=tmp_path)
    columns = ", ".join(f"{n} as c{n}" for n in range(MOST_COLUMNS + 2))
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute(f"create schema marts; create table marts.m as select {columns} from range(9)")
        con.execute("create table marts.n as select 'a|b' as t, null as u")
    node = {"resource_type": "model", "schema": "marts"}
    manifest = {"nodes": {name: {**node, "alias": name} for name in ("m", "n", "gone")}}
    previews = preview_marts(settings, manifest)
    assert set(previews) == {"marts.m", "marts.n"}
    lines = previews["marts.m"].splitlines()
    assert len(lines) == 2 + 5 and lines[0].count("|") == MOST_COLUMNS + 1
    assert previews["marts.n"].splitlines()[-1] == "| a\\|b |  |"
