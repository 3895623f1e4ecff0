"""The task tracker: one workbook per snapshot day."""

from __future__ import annotations

from typing import Any

from pipelines.demo.province import Province
from pipelines.demo.tasks import HISTORY, count_facts, list_tracker_rows
from pipelines.demo.tracker_sheet import write_tracker


def write_system(province: Province, manifest: dict[str, Any]) -> dict[str, Any]:
    by_day, units = {}, province.units
    for day in (captured_at.date() for captured_at in province.captures):
        rows = list_tracker_rows(day, units)
        write_tracker(province.root / "task_tracker" / f"{day}.xlsx", rows)
        by_day[str(day)] = count_facts(rows)
    return {"task_tracker": {"by_day": by_day, "history": HISTORY}}
