"""The states a dossier goes through: 1 → 2 → 4 → (5 → 4) → 9 → 10, or 3, 7, 8 (docs/domain.md §2)."""

from __future__ import annotations

from datetime import date, datetime, time

import numpy as np
import pandas as pd

from pipelines.demo import calibration
from pipelines.demo.clock import DAY, shift_to_office_hours, to_seconds
from pipelines.demo.dossiers import draw_subset


def make_states(rng: np.random.Generator, dossiers: pd.DataFrame, scale: float, until: date) -> pd.DataFrame:
    """One row per state change recorded up to `until`, in no order: `dossier` (row number),
    `status`, `recorded`, `synced`, `received`, `finished`, `returned`, `refused` (epoch seconds,
    NaN where not known in that state), `supplements`.

    Exactly RETURNED (scaled) dossiers of the period are returned by the cut-off (K1).
    """
    kind, received = dossiers["kind"].to_numpy(), dossiers["received"].to_numpy()
    taken, finished, returned, undone = _milestones(rng, dossiers, scale)
    count = len(dossiers)
    # 7 withdrawn and 8 stopped are end states; nothing follows them.
    ended = np.zeros(count, "int8")
    lost = undone[rng.random(len(undone)) < 0.05]
    ended[lost] = rng.choice([7, 7, 8], len(lost))
    span = finished - taken
    is_refused = kind == "refused"
    open_ended = ~is_refused & (ended == 0)
    # Below three hours there is no room for a request and an answer.
    paused = ~is_refused & (span > 3 * 3600) & (rng.random(count) < 0.06)
    twice = paused & (rng.random(count) < 0.1)
    passed_on = open_ended & (span > 3 * 3600) & (rng.random(count) < 0.04)
    online = (dossiers["channel"] == "2").to_numpy()
    cut = to_seconds(calibration.CUTOFF)

    def at(mask: np.ndarray, status: np.ndarray | int, when: np.ndarray, requests: int = 0) -> pd.DataFrame:
        rows = np.flatnonzero(mask)
        return pd.DataFrame(
            {
                "dossier": rows.astype("int32"),
                "status": np.broadcast_to(status, count)[rows].astype("int8"),
                "recorded": when[rows].astype("int64"),
                "supplements": np.full(len(rows), requests, "int8"),
            }
        )

    def office(moments: np.ndarray) -> np.ndarray:
        return shift_to_office_hours(moments, received, cut)

    finished_at, returned_at = office(finished), office(returned)
    states = pd.concat(
        [
            at(online, 1, dossiers["submitted"].to_numpy()),
            at(is_refused, 3, received),
            at(~is_refused, 2, received),
            at(~is_refused, 4, office(taken)),
            at(paused, 5, office(taken + span * 0.2), 1),
            at(paused, 4, office(taken + span * 0.35), 1),
            at(twice, 5, office(taken + span * 0.5), 2),
            at(twice, 4, office(taken + span * 0.6), 2),
            at(ended > 0, ended, office(taken + span * 0.7)),
            at(passed_on, 4, office(taken + span * 0.8)),
            at(open_ended, 9, finished_at),
            at(open_ended, 10, returned_at),
        ],
        ignore_index=True,
    )
    # A later state still tells how often a supplement was asked for.
    requests = (paused.astype("int8") + twice.astype("int8"))[states["dossier"]]
    states["supplements"] = np.where(states["status"] >= 7, requests, states["supplements"]).astype("int8")
    end = to_seconds(datetime.combine(until, time.max))
    states = states[states["recorded"] <= end].reset_index(drop=True)
    status, who = states["status"].to_numpy(), states["dossier"].to_numpy()
    states["received"] = np.where((status >= 2) & (status != 3), received[who], np.nan)
    states["finished"] = np.where(status >= 9, finished_at[who], np.nan)
    states["returned"] = np.where(status == 10, returned_at[who], np.nan)
    states["refused"] = np.where(status == 3, received[who], np.nan)
    states["synced"] = _synced(rng, states["recorded"].to_numpy(), kind[who] == "late", end)
    return states


def _milestones(
    rng: np.random.Generator, dossiers: pd.DataFrame, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(taken, finished, returned) per dossier, and the period's dossiers not returned by the cut-off."""
    count, cut = len(dossiers), to_seconds(calibration.CUTOFF)
    kind, received = dossiers["kind"].to_numpy(), dossiers["received"].to_numpy()
    natural = dossiers["processing_days"].to_numpy() * DAY * rng.uniform(0.1, 1.3, count) + 1800
    returned = received + natural + rng.integers(300, DAY, count)
    period = np.flatnonzero(kind == "period")
    age = (cut - received[period]).astype(float)
    # The older a dossier is against its own pace, the likelier it is among the returned.
    weight = np.where(age > 3600, np.minimum(age / natural[period], 3.0) + 0.02, 1e-9)
    done = draw_subset(rng, weight, calibration.scale_count(calibration.RETURNED, scale))
    yes, no = period[done], period[~done]
    room = (cut - received[yes] - 300) * rng.uniform(0.3, 0.98, len(yes))
    returned[yes] = received[yes] + np.minimum(returned[yes] - received[yes], room)
    returned[no] = np.maximum(returned[no], cut + rng.integers(60, 5 * DAY, len(no)))
    finished = received + (returned - received) * rng.uniform(0.6, 0.95, count)
    # Some results wait on the shelf: finished, not yet handed over.
    waiting = no[rng.random(len(no)) < 0.12]
    finished[waiting] = received[waiting] + (cut - received[waiting]) * rng.uniform(0.5, 0.99, len(waiting))
    taken = received + (finished - received) * rng.uniform(0.05, 0.3, count)
    return taken, finished, returned, no


def _synced(rng: np.random.Generator, recorded: np.ndarray, is_late: np.ndarray, end: int) -> np.ndarray:
    """Seconds to minutes after the fact; the published figure was whole by the evening."""
    lag = rng.integers(30, 1200, len(recorded))
    synced = recorded + lag
    is_delayed = (recorded <= to_seconds(calibration.CUTOFF)) & (synced > to_seconds(calibration.ALL_SYNCED))
    synced[is_delayed] = to_seconds(calibration.ALL_SYNCED)
    morning = to_seconds(datetime(2025, 8, 7, 8))
    synced[is_late] = np.maximum(recorded[is_late], morning) + lag[is_late]
    return np.minimum(synced, end)
