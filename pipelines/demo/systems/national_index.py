"""The national portal's points of index 766: 34 provinces a capture day, a bare list whose numbers are texts."""

from __future__ import annotations

import json
from typing import Any

from pipelines.demo import calibration
from pipelines.demo.province import Province
from pipelines.demo.ranking import HOME, PROVINCES

# Column of the older report service → maximum, and a believable share of it; no real score is claimed.
COMPONENTS = {
    "CKMB": (18, 0.86), "TDGQ": (20, 0.93), "CLGQ": (12, 0.78), "TTTT": (10, 0.42), "MDSH": (22, 0.71),
    "MDHL": (18, 0.95),
}  # fmt: skip
SPREAD = 0.08


def write_system(province: Province, manifest: dict[str, Any]) -> dict[str, Any]:
    generator = province.seed_generator(77)
    shares = {
        code: {name: share + SPREAD * generator.uniform(-1, 1) for name, (_, share) in COMPONENTS.items()}
        for code in PROVINCES
    }
    for number, moment in enumerate(province.captures):
        records = [
            _record(code, moment.strftime("%Y-%m-%dT%H:%M:%S+0700"), shares[code], 0.004 * number)
            for code in PROVINCES
        ]
        records.sort(key=lambda record: -float(record["TONG_SCORE"]))
        listed = [{"ROW_STT": str(place), **record} for place, record in enumerate(records, 1)]
        folder = province.root / "national_index" / str(moment.date())
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scores.json").write_text(
            json.dumps(listed, ensure_ascii=False, indent=1), encoding="utf-8"
        )
    return {}


def _record(code: str, captured_at: str, shares: dict[str, float], risen: float) -> dict[str, str]:
    """Two decimals each; the total is the sum of what is printed. The home province climbs a little."""
    gain = risen if code == HOME else 0.0
    points = {
        name: round(maximum * min(1.0, shares[name] + gain), 2) for name, (maximum, _) in COMPONENTS.items()
    }
    return {
        "TEN": PROVINCES[code][0],
        "MA_COQUAN": code,
        "THOI_DIEM": captured_at,
        "TU_NGAY": str(calibration.PERIOD_START.date()),
        **{name: f"{value:.2f}" for name, value in points.items()},
        "TONG_SCORE": f"{sum(points.values()):.2f}",
    }
