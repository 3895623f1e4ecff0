"""The portal's points of all provinces: rank within each capture, and ours beside this place's newest ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pandas as pd

from tests.oracle.dossiers import Place
from tests.oracle.index_766 import COMPONENTS
from tests.oracle.registers import Row

SOURCE = "national_index"


def read_things(rows: pd.DataFrame, rejections: pd.DataFrame, place: Place) -> pd.DataFrame:
    return rows


def count_reports(rows: pd.DataFrame) -> Counter[tuple[str, date, str]]:
    return Counter((SOURCE, pd.Timestamp(day).date(), "province") for day in rows["partition_key"])


def count_marts(rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], place: Place) -> dict[str, Any]:
    """Without our own points, which `beside_own` adds."""
    rows = rows[rows["captured_at"] <= place.as_of].sort_values(["partition_key", "batch_id", "_row"])
    newest = rows.drop_duplicates(["captured_at", "province_code"], keep="last")
    lines = []
    for component in (*COMPONENTS, "total"):
        for row in newest.to_dict("records"):
            points = row[f"{component}_points"]
            others = newest.loc[newest["captured_at"] == row["captured_at"], f"{component}_points"].dropna()
            is_known = not pd.isna(points)
            lines.append(
                {
                    "captured_at": row["captured_at"], "province_code": row["province_code"], "component": component,
                    "period_start": place.since.date() if pd.isna(row["period_start"]) else row["period_start"].date(),
                    "maximum": COMPONENTS.get(component, 100), "points": points if is_known else None,
                    "national_rank": 1 + int((others > points).sum()) if is_known else None,
                    "province_count": len(others), "is_own": row["province_code"] == "40",
                    "is_newest": row["captured_at"] == newest["captured_at"].max(),
                }
            )  # fmt: skip
    return {"service_quality_national": (pd.DataFrame(lines), ["captured_at", "province_code", "component"])}


def beside_own(portal: pd.DataFrame, index: pd.DataFrame, place: Place) -> pd.DataFrame:
    """`index`: service_quality_index as counted, with the first day of each row's period."""
    if portal.empty:
        return portal
    own: dict[tuple[str, date], Row] = {}
    whole = index[index["unit_code"] == "province"].sort_values(
        ["as_of_day", "period"], ascending=[True, False]
    )
    for row in whole.to_dict("records"):
        own[row["component"], row["period_start"]] = row
    beside = [
        own.get((row["component"], row["period_start"]), {}) if row["is_own"] and row["is_newest"] else {}
        for row in portal.to_dict("records")
    ]
    ours = [row.get("working_points") for row in beside]
    covered = [row.get("working_coverage") for row in beside]
    return portal.assign(
        own_points=ours,
        own_coverage=covered,
        difference=[
            points - own if share == 1 and points is not None and not pd.isna(points) else None
            for points, own, share in zip(portal["points"], ours, covered, strict=True)
        ],
    )


@st.composite
def draw_rows(draw: st.DrawFn, as_of: datetime) -> pd.DataFrame:
    """Captures with ties, components that are missing, delivered again."""
    rows: list[Row] = []
    for hours in draw(st.lists(st.sampled_from([-30, 0, 2, 400]), max_size=3, unique=True)):
        captured = as_of - timedelta(hours=hours)
        for province in draw(st.lists(st.sampled_from(["40", "01", "38"]), max_size=4)):
            points = {
                f"{c}_points": draw(st.sampled_from([None, 0.0, 4.25, 9.5])) for c in (*COMPONENTS, "total")
            }
            rows.append(
                {"captured_at": captured, "province_code": province, **points,
                 "period_start": draw(st.sampled_from([None, date(2025, 7, 1), date(2025, 1, 1)])),
                 "partition_key": captured.date() + timedelta(days=draw(st.integers(0, 1))), "_row": len(rows) + 1}
            )  # fmt: skip
    return pd.DataFrame([row | {"batch_id": f"x{row['partition_key']:%Y%m%d}"} for row in rows])
