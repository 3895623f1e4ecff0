"""The national portal's ranking: pages of JSON per snapshot day, with the province's own true counts."""

from __future__ import annotations

from typing import Any

from pipelines.demo import calibration
from pipelines.demo.province import Province
from pipelines.demo.ranking import write_capture

AFTER = ("one_stop",)


def write_system(province: Province, manifest: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, tuple[int, int]] = manifest["one_stop"]["true_counts"]
    home_rates = tuple(
        counts[str(moment)][1] / counts[str(moment)][0]
        for moment in (calibration.EARLIER_CUTOFF, calibration.CUTOFF)
    )
    for moment in province.captures:
        received, online = counts[str(moment)]
        folder = province.root / "national_ranking" / str(moment.date())
        write_capture(folder, moment, received, online, home_rates)
    return {}
