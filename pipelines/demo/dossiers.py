"""Dossiers and their states, vectorised: one row per dossier, one row per state change.

Counts that were published are met exactly by construction (who is online, who is returned is drawn
as a subset of the right size); everything else is drawn to look like a province.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.demo import calibration as k

DAY = 86_400
HOURS = np.array([0, 0, 0, 0, 0, 1, 2, 9, 16, 15, 12, 5, 3, 9, 14, 12, 8, 4, 3, 3, 2, 2, 1, 1], float)
WEEKDAYS = np.array([1.15, 1.1, 1.0, 1.0, 1.0, 0.16, 0.05])


def seconds(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1)).total_seconds())


def draw_times(rng: np.random.Generator, n: int, first: datetime, last: datetime) -> np.ndarray:
    """`n` epoch seconds in [first, last] by weekday and hour of day."""
    hours = np.arange(seconds(first) // 3600, seconds(last) // 3600 + 1)
    weight = HOURS[hours % 24] * WEEKDAYS[(hours // 24 + 3) % 7]
    if seconds(last) % 3600 == 0:
        weight[-1] = 0
    chosen = rng.choice(hours, n, p=weight / weight.sum()) * 3600 + rng.integers(0, 3600, n)
    return np.clip(chosen, seconds(first), seconds(last))


def subset(rng: np.random.Generator, weight: np.ndarray, size: int) -> np.ndarray:
    """Boolean mask with exactly `size` true, likelier where `weight` is larger."""
    order = np.argsort(-weight * rng.random(len(weight)), kind="stable")
    mask = np.zeros(len(weight), bool)
    mask[order[:size]] = True
    return mask


def make_dossiers(rng: np.random.Generator, scale: float, until: date, reference: Path) -> pd.DataFrame:
    """One row per dossier; `kind`: june | period | refused | later | late."""
    end = datetime.combine(until, datetime.max.time()).replace(microsecond=0)
    per_day = k.RECEIVED * scale / 37
    days_after = max(0.0, (seconds(end) - seconds(k.CUTOFF)) / DAY)
    sizes = {
        "june": k.scaled(k.JUNE_RECEIVED, scale),
        "period": k.scaled(k.RECEIVED, scale),
        "refused": k.scaled(5_000, scale),
        "later": int(per_day * days_after * 0.8),
        "late": k.scaled(k.LATE_DOSSIERS, scale, k.MIN_FAULTS) if days_after > 0.4 else 0,
    }
    spans = {
        "june": (datetime(2025, 6, 2), datetime(2025, 6, 30, 17)),
        "period": (k.PERIOD_START, k.CUTOFF),
        "refused": (k.PERIOD_START, k.CUTOFF),
        "later": (k.CUTOFF.replace(second=1), end),
        "late": (datetime(2025, 8, 4), datetime(2025, 8, 6, 12)),
    }
    kinds = np.repeat(list(sizes), list(sizes.values()))
    received = np.concatenate([draw_times(rng, size, *spans[kind]) for kind, size in sizes.items()])
    frame = pd.DataFrame({"kind": kinds, "received": received})
    frame["channel"] = _channels(rng, frame["kind"].to_numpy(), scale)
    _procedures_and_units(rng, frame, reference)
    n = len(frame)
    frame["applicant_type"] = rng.choice(["1", "1", "1", "1", "2", "3"], n)
    frame["due"] = _due(frame["received"].to_numpy(), frame["processing_days"].to_numpy())
    online = (frame["channel"] == "2").to_numpy()
    lag = np.where(online, rng.integers(600, 20_000, n), rng.integers(60, 900, n))
    frame["submitted"] = frame["received"] - lag
    frame["paid"] = np.where(online & (rng.random(n) < 0.35), rng.choice(["1", "2"], n), None)
    frame["digitised"] = (rng.random(n) < 0.8843).astype(int)
    frame["e_result"] = (rng.random(n) < 0.7).astype(int)
    frame["code"] = _codes(rng, frame, scale)
    return frame


def _channels(rng: np.random.Generator, kinds: np.ndarray, scale: float) -> np.ndarray:
    """'2' online for exactly the published count of the period; nulls are in person."""
    n = len(kinds)
    online = rng.random(n) < 0.72
    period = np.flatnonzero(kinds == "period")
    online[period] = subset(rng, np.ones(len(period)), k.scaled(k.ONLINE, scale))
    offline = rng.choice(np.array(["1", "3", None], object), n, p=[0.86, 0.08, 0.06])
    return np.where(online, "2", offline)


def _procedures_and_units(rng: np.random.Generator, frame: pd.DataFrame, reference: Path) -> None:
    procedures = pd.read_csv(reference / "procedures.csv", dtype=str)
    units = pd.read_csv(reference / "units.csv", dtype=str)
    current = units[units["is_current"] == "true"]
    communes = current.loc[current["unit_level"] == "commune", "unit_code"].to_numpy()
    n = len(frame)
    size = rng.lognormal(0, 0.7, len(communes))
    commune = rng.choice(communes, n, p=size / size.sum())
    at_commune = rng.random(n) < 0.85
    level = procedures["executing_level"].to_numpy()
    # Zipf within each level: a few procedures make most of the volume, as everywhere.
    pick = np.empty(n, int)
    for wanted, mask in (("commune", at_commune), ("department", ~at_commune)):
        pool = np.flatnonzero(level == wanted)
        weight = 1 / np.arange(1, len(pool) + 1) ** 0.9
        pick[mask] = rng.choice(rng.permutation(pool), mask.sum(), p=weight / weight.sum())
    chosen = procedures.iloc[pick].reset_index(drop=True)
    frame["procedure"] = pick
    frame["processing_days"] = chosen["processing_days"].astype(int)
    agency = chosen["agency_code"].to_numpy()
    # A centre receives regardless of boundary (DOMAIN §2): some dossiers are received elsewhere.
    elsewhere = rng.random(n) < 0.06
    receiving = np.where(at_commune, np.where(elsewhere, rng.choice(communes, n), commune), agency)
    receiving = np.where(~at_commune & (rng.random(n) < 0.6), "H41.19", receiving)
    frame["receiving"] = receiving
    frame["processing"] = np.where(at_commune, commune, agency)


def _due(received: np.ndarray, days: np.ndarray) -> np.ndarray:
    """17:00 on the last working day; the day of receipt is not counted (DOMAIN §7)."""
    start = received.astype("datetime64[s]").astype("datetime64[D]")
    end = np.busday_offset(start, days, roll="backward")
    return end.astype("datetime64[s]").astype("int64") + 17 * 3600


def _codes(rng: np.random.Generator, frame: pd.DataFrame, scale: float) -> np.ndarray:
    """New shape `H41.016-20250701-0001234`; a few of the old shape; a few that match neither."""
    n = len(frame)
    day = pd.to_datetime(frame["received"], unit="s").dt.strftime("%Y%m%d")
    unit = pd.Series(pd.factorize(frame["receiving"], sort=True)[0]).map("H41.{:03d}".format)
    number = pd.Series(np.arange(1, n + 1))
    codes = (unit + "-" + day + "-" + number.map("{:07d}".format)).to_numpy(object)
    old = np.flatnonzero(frame["kind"].to_numpy() == "june")[::12]
    for i in old:
        codes[i] = f"000.00.{i % 90 + 10}.H41-{day[i][2:]}-{number[i]:06d}"
    odd = rng.choice(
        np.flatnonzero(frame["kind"] == "period"),
        k.scaled(k.MALFORMED_CODES, scale, k.MIN_FAULTS),
        False,
    )
    for i in odd:
        codes[i] = f"HS{day[i][:4]}/{number[i]}"
    return codes


def make_states(rng: np.random.Generator, d: pd.DataFrame, scale: float, until: date) -> pd.DataFrame:
    """One row per state change up to `until`: `dossier` (index), `status`, `recorded` (epoch s),
    `finished`/`returned`/`refused` where known in that state. Exactly RETURNED of the period are
    returned by the cut-off."""
    n, cut = len(d), seconds(k.CUTOFF)
    end = seconds(datetime.combine(until, datetime.max.time()))
    kind, received = d["kind"].to_numpy(), d["received"].to_numpy()
    natural = d["processing_days"].to_numpy() * DAY * rng.uniform(0.1, 1.25, n) + 1800
    returned_at = received + natural + rng.integers(300, DAY, n)

    period = np.flatnonzero(kind == "period")
    age = (cut - received[period]).astype(float)
    weight = np.where(age > 1200, age, 1e-9)
    done = subset(rng, weight, k.scaled(k.RETURNED, scale))
    yes, no = period[done], period[~done]
    room = cut - received[yes] - 300
    returned_at[yes] = received[yes] + np.minimum(
        returned_at[yes] - received[yes], room * rng.uniform(0.3, 0.98, len(yes))
    )
    returned_at[no] = np.maximum(returned_at[no], cut + rng.integers(60, 5 * DAY, len(no)))
    finished_at = received + (returned_at - received) * rng.uniform(0.6, 0.95, n)
    waiting = no[rng.random(len(no)) < 0.12]
    finished_at[waiting] = received[waiting] + (cut - received[waiting]) * rng.uniform(
        0.5, 0.99, len(waiting)
    )
    taken_at = received + (finished_at - received) * rng.uniform(0.05, 0.3, n)

    # 7 withdrawn and 8 stopped are end states; nothing follows them.
    ended = np.zeros(n, int)
    lost = no[rng.random(len(no)) < 0.05]
    ended[lost] = rng.choice([7, 7, 8], len(lost))
    is_refused = kind == "refused"
    is_open = ~is_refused
    paused = is_open & (rng.random(n) < 0.07)
    twice = paused & (rng.random(n) < 0.1)
    online = (d["channel"] == "2").to_numpy()

    def at(mask: np.ndarray, status: int, when: np.ndarray, count: int = 0) -> pd.DataFrame:
        rows = np.flatnonzero(mask)
        return pd.DataFrame(
            {
                "dossier": rows,
                "status": status,
                "recorded": when[rows].astype("int64"),
                "supplements": count,
            }
        )

    span = finished_at - taken_at
    parts = [
        at(online, 1, d["submitted"].to_numpy()),
        at(is_refused, 3, received),
        at(is_open, 2, received),
        at(is_open, 4, taken_at),
        at(paused, 5, taken_at + span * 0.2, 1),
        at(paused, 4, taken_at + span * 0.35, 1),
        at(twice, 5, taken_at + span * 0.5, 2),
        at(twice, 4, taken_at + span * 0.6, 2),
        at(ended > 0, 7, taken_at + span * 0.7),
        at(is_open & (ended == 0) & (rng.random(n) < 0.05), 4, taken_at + span * 0.8),
        at(is_open & (ended == 0), 9, finished_at),
        at(is_open & (ended == 0), 10, returned_at),
    ]
    states = pd.concat(parts, ignore_index=True)
    final = states["status"] == 7
    states.loc[final, "status"] = ended[states.loc[final, "dossier"]]
    states = states[states["recorded"] <= end].reset_index(drop=True)
    status, who = states["status"].to_numpy(), states["dossier"].to_numpy()
    states["finished"] = np.where(status >= 9, finished_at[who], np.nan)
    states["returned"] = np.where(status == 10, returned_at[who], np.nan)
    states["refused"] = np.where(status == 3, received[who], np.nan)
    states["received"] = np.where((status >= 2) & (status != 3), received[who], np.nan)
    lag = rng.integers(30, 1200, len(states))
    states["synced"] = states["recorded"] + lag
    # The published figure was whole by the evening: nothing recorded before it is synced after it.
    evening = seconds(datetime(2025, 8, 6, 23, 59, 59))
    held = (states["recorded"] <= cut) & (states["synced"] > evening)
    states.loc[held, "synced"] = evening
    late = kind[who] == "late"
    morning = seconds(datetime(2025, 8, 7, 8))
    states.loc[late, "synced"] = np.maximum(states.loc[late, "recorded"], morning) + lag[late]
    return states
