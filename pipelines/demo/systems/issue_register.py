"""The issue register: one CSV file per snapshot day."""

from __future__ import annotations

from typing import Any

from pipelines.demo import calibration
from pipelines.demo.issues import FAULTS, make_issues, write_register
from pipelines.demo.province import Province


def write_system(province: Province, manifest: dict[str, Any]) -> dict[str, Any]:
    count = calibration.scale_count(calibration.ISSUES, province.scale, calibration.ISSUES)
    issues = make_issues(province.units, province.seed_generator(1), count)
    by_day = {
        str(day): write_register(province.root / "issue_register" / f"{day}.csv", issues, day)
        for day in (captured_at.date() for captured_at in province.captures)
    }
    return {"issue_register": {"by_day": by_day, "rejected": dict(FAULTS)}}
