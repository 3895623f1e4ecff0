"""The dirt, planted in known numbers: what the pipeline must reject, drop, correct or normalise.

Every planted row is found again by its fault number while the rows are written, never afterwards.
Repeats, corrections, late states and decomposed text touch different states, so each can be counted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pipelines.demo import calibration
from pipelines.demo.clock import DAY, to_seconds

# What each fault does to its row: column and SQL over the clean row. A row breaks exactly one rule.
BREAK = {
    "dossier_code_missing": ("MaHoSo", "null"),
    "status_code_unknown": ("TrangThaiHoSo", "'15'"),
    "channel_unknown": ("KenhThucHien", "'9'"),
    "service_level_unknown": ("MucDo", "'7'"),
    "recorded_at_unparseable": ("ThoiDiemXuLy", "'hôm qua'"),
    "received_at_unparseable": ("NgayTiepNhan", "'2025-13-45'"),
    "due_at_unparseable": ("NgayHenTra", "'31/02/2025'"),
    "recorded_at_in_future": ("ThoiDiemXuLy", "'2055' || \"ThoiDiemXuLy\"[5:]"),
    "received_after_recorded": ("NgayTiepNhan", "'20260101080000'"),
    "finished_before_received": ("NgayKetThucXuLy", "'20200101080000'"),
    "receiving_unit_missing": ("NoiNopHoSo", "null"),
    "personal_data_in_text": (
        "TenTTHC",
        '"TenTTHC" || \' - liên hệ \' || "SoDienThoai" || \', CCCD \' || "SoDinhDanh"',
    ),
    "mojibake_in_text": ("TenTTHC", "'Tá»‰nh Nghá»‡ An'"),
    "wrong_channel": ("KenhThucHien", "case \"KenhThucHien\" when '2' then '1' else '2' end"),
    "wrong_unit": ("NoiNopHoSo", "case \"NoiNopHoSo\" when 'H41.19' then 'H41.01' else 'H41.19' end"),
    "decomposed": ("TenTTHC", "decomposed_name"),
}
NUMBER = {fault: number for number, fault in enumerate(BREAK, 1)}


class Planted(NamedTuple):
    """`states` with a `fault` number each (0 = none); `counts` for the manifest."""

    states: pd.DataFrame
    counts: dict[str, Any]


def plant_faults(
    rng: np.random.Generator, states: pd.DataFrame, dossiers: pd.DataFrame, scale: float
) -> Planted:
    """Late arrivals and wrong first tellings are moved or marked; repeats, corrections and rejects are
    extra rows, so that dropping them leaves the calibrated truth intact."""
    kind = dossiers["kind"].to_numpy()[states["dossier"]]
    status, synced = states["status"].to_numpy(), states["synced"].to_numpy().copy()
    evening = to_seconds(calibration.ALL_SYNCED)
    free = kind != "late"
    fault = np.zeros(len(states), "int8")

    def draw(pool: np.ndarray, count: int) -> np.ndarray:
        """Rows of the pool that no other fault uses, marked as used."""
        rows = rng.choice(
            np.flatnonzero(pool & free), calibration.scale_count(count, scale, calibration.MIN_FAULTS), False
        )
        free[rows] = False
        return rows

    in_period = kind == "period"
    late = draw(in_period & (status == 4) & (synced < evening - 9 * DAY), calibration.LATE_STATES)
    synced[late] += rng.integers(DAY, 7 * DAY, len(late))
    first_syncs = in_period & (status == 2) & (synced < evening - 5 * DAY)
    wrong = {
        name: draw(first_syncs, count)
        for name, count in (
            ("wrong_channel", calibration.WRONG_CHANNEL),
            ("wrong_unit", calibration.WRONG_UNIT),
        )
    }
    decomposed = draw(np.ones(len(states), bool), calibration.DECOMPOSED)
    repeated = draw(synced < synced.max() - 3 * DAY, calibration.REPEATS)
    plain = in_period & (synced < evening - DAY)
    broken = {
        rule: draw(plain & (status == find_state(rule)), count) for rule, count in calibration.FAULTS.items()
    }
    states["synced"] = synced
    again = states.iloc[repeated].copy()
    again["synced"] += rng.integers(3600, 3 * DAY, len(again))
    # The first sync told the wrong channel or unit; the later one is the calibrated truth.
    corrected = states.iloc[np.concatenate(list(wrong.values()))].copy()
    corrected["synced"] += rng.integers(DAY, 4 * DAY, len(corrected))
    pools = {rule: plain & (status == find_state(rule)) for rule in broken}
    written = np.concatenate([synced, again["synced"], corrected["synced"]])
    broken = spread_rejections(broken, pools, free, synced // DAY, written // DAY)
    rejected = states.iloc[np.concatenate(list(broken.values()))].copy()
    rejected["recorded"] += 1
    rejected["synced"] += 2
    for name, rows in (*wrong.items(), ("decomposed", decomposed)):
        fault[rows] = NUMBER[name]
    states["fault"] = fault
    again["fault"] = corrected["fault"] = np.int8(0)
    rejected["fault"] = np.repeat(
        np.array([NUMBER[rule] for rule in broken], "int8"), [len(rows) for rows in broken.values()]
    )
    day = pd.to_datetime(rejected["synced"], unit="s").dt.date.astype(str)
    counts = {
        "repeats": len(again),
        "corrections": len(corrected),
        "corrected": {name.removeprefix("wrong_"): len(rows) for name, rows in wrong.items()},
        "late_states": len(late),
        "late_dossiers": int((dossiers["kind"] == "late").sum()),
        "decomposed_text": len(decomposed),
        "rejected": {rule: len(rows) for rule, rows in broken.items()},
        "rejected_by_day": {str(d): int(n) for d, n in day.value_counts().sort_index().items()},
        "malformed_code_dossiers": int(dossiers["code"].str.startswith("HS").sum()),
    }
    return Planted(pd.concat([states, again, corrected, rejected], ignore_index=True), counts)


def find_state(rule: str) -> int:
    """The state whose rows a fault is planted in."""
    return 9 if rule == "finished_before_received" else 4


def spread_rejections(
    broken: dict[str, np.ndarray],
    pools: dict[str, np.ndarray],
    free: np.ndarray,
    days: np.ndarray,
    delivered: np.ndarray,
) -> dict[str, np.ndarray]:
    """The same rows, but for those that would block a day: they lie on others, or are left out.

    A province of a few hundred rows a day has no room for four faults of a kind where they happen to fall.
    `days`: of each state; `delivered`: of each row that is no fault.
    """
    counts = np.bincount(delivered)
    # Rejected rows are rows of the day, too.
    share = calibration.REJECTED_SHARE
    room = np.floor(counts * share / (1 - share) + 1e-9).astype(int)
    places: dict[str, list[int]] = {rule: [] for rule in broken}
    for turn in range(max(map(len, broken.values()))):
        for rule, rows in broken.items():
            if turn >= len(rows):
                continue
            row = int(rows[turn])
            if not room[days[row]]:
                others = np.flatnonzero(pools[rule] & free & (room[days] > 0))
                if len(others):
                    row = int(others[np.argmax(room[days[others]])])
                elif turn:
                    continue
            free[row] = False
            room[days[row]] = max(room[days[row]] - 1, 0)
            places[rule].append(row)
    return {rule: np.array(rows) for rule, rows in places.items()}


def break_column(column: str) -> str:
    """The column's SQL with its faults in it: `case fault when 3 then '9' … else "KenhThucHien" end`."""
    cases = [
        f"when {NUMBER[name]} then {value}" for name, (target, value) in BREAK.items() if target == column
    ]
    return f'case fault {" ".join(cases)} else "{column}" end' if cases else f'"{column}"'
