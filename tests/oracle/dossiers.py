"""Dossiers by their log: the last row recorded by a moment is the state at it, the latest sync wins."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from tests.oracle.clock import Calendar, Units

RECEIVED = {2, 4, 5, 6, 7, 8, 9, 10}
# Within one second a dossier goes its usual way.
ORDER = {1: 1, 2: 2, 6: 3, 5: 4, 4: 5, 8: 6, 3: 7, 7: 8, 9: 9, 10: 10}
STATE = ["dossier", "recorded_at", "status_code"]


@dataclass(frozen=True)
class Place:
    """What the installation says of itself, and its reference tables."""

    as_of: pd.Timestamp
    since: pd.Timestamp
    stopped_is_end: bool
    units: Units
    calendar: Calendar
    paperless: set[str]
    fee: set[str]
    service_level: dict[str, str]

    def level_of(self, unit: str) -> str:
        return "province" if unit == "province" else self.units.level.get(unit, "unknown")

    @property
    def ends(self) -> set[int]:
        return {3, 7, 9, 10} | ({8} if self.stopped_is_end else set())

    @property
    def pauses(self) -> set[int]:
        return {5} if self.stopped_is_end else {5, 8}


def states(log: pd.DataFrame, place: Place) -> pd.DataFrame:
    """One row per state recorded by as_of, in order, each with the milestones known at it."""
    log = log[log["recorded_at"] <= place.as_of].assign(
        dossier=lambda rows: pd.factorize(rows["dossier_code"])[0],
        batch=lambda rows: rows["batch_id"].astype("category").cat.codes,
    )
    log = log.sort_values(["synced_at", "batch", "_row"])
    log["arrived_at"] = log.groupby(STATE)["synced_at"].transform("min")
    log = log.drop_duplicates(STATE, keep="last")
    log["order"] = log["status_code"].map(ORDER)
    log = log.sort_values(["dossier", "recorded_at", "synced_at", "order"]).reset_index(drop=True)
    code = log["dossier"]

    stated = log["received_at"].groupby(code).ffill()
    taken = log["recorded_at"].where(log["status_code"].isin(RECEIVED)).groupby(code).ffill()
    first_taken = taken.groupby(code).cummin()
    has_receipt = log["status_code"].isin(RECEIVED) | log["received_at"].notna()
    arrived_first = log["arrived_at"].where(has_receipt).groupby(code).ffill().groupby(code).cummin()
    nine = log["recorded_at"].where(log["status_code"] == 9).groupby(code).ffill()
    ten = log["recorded_at"].where(log["status_code"] == 10).groupby(code).ffill()

    log["stated_or_taken"] = stated.fillna(first_taken)
    log["due"] = log["due_at"].groupby(code).ffill()
    log["returned"] = log["returned_at"].groupby(code).ffill().fillna(ten).where(ten.notna())
    finished = log["finished_at"].groupby(code).ffill()
    log["received"] = log["stated_or_taken"]
    log["has_ended"] = log["received"].notna() & log["status_code"].isin(place.ends)
    end = finished.fillna(nine).fillna(log["returned"]).fillna(log["recorded_at"])
    log["ended"] = end.where(log["has_ended"])
    log["is_open"] = log["received"].notna() & ~log["has_ended"]
    log["is_paused"] = log["status_code"].isin(place.pauses)
    log["is_online"] = log["channel"] == "online"
    log["is_returned"] = ten.notna()
    log["is_late"] = log["received"].notna() & (arrived_first.dt.normalize() > log["received"].dt.normalize())
    log["asked"] = log["supplement_requests"].fillna(0).astype(int)
    log["procedure"] = log["procedure_code"].str.replace(r"\.000\.00\.00\.[A-Z]\d\d$", "", regex=True)
    paperless = log["procedure"].isin(place.paperless) | log["has_e_result"].eq(True).fillna(False)
    log["is_strict"] = log["is_online"] & paperless
    log["unit"] = place.units.map(log["receiving_unit_code"], log["received"].fillna(log["recorded_at"]))
    log["unit"] = log["unit"].fillna("unknown")
    log["processing"] = place.units.map(log["processing_unit_code"], log["recorded_at"])
    log["responsible"] = log["processing"].fillna(log["unit"])
    log["sector"] = log["sector_code"].fillna("unknown")
    log["channel"] = log["channel"].fillna("in_person")
    return log


def known_at(states: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """One row per dossier: its state at `moment`."""
    dossier = states.loc[states["recorded_at"] <= moment, "dossier"]
    return states.loc[dossier.index[dossier != dossier.shift(-1)]]  # states lie dossier by dossier, in order


def is_overdue(state: pd.DataFrame, moment: pd.Timestamp) -> pd.Series:
    """Of open dossiers: past due with a running clock, or asked for papers more than once."""
    return (state["asked"] > 1) | (~state["is_paused"] & (moment > state["due"]))


def due_soon(place: Place) -> tuple[pd.Timestamp, pd.Timestamp]:
    """From as_of to 24 working hours later: the same time of the third working day; on a day off its end."""
    today = place.as_of.date()
    third = pd.Timestamp(place.calendar.after(today, 3))
    if place.calendar.works[today]:
        return place.as_of, third + (place.as_of - place.as_of.normalize())
    return place.as_of, third + pd.Timedelta(days=1, seconds=-1)


def timeliness(state: pd.DataFrame) -> pd.Series:
    """early, on_time, late by date; no due date counts as on time; None while open."""
    end, due = state["ended"].dt.normalize(), state["due"].dt.normalize()
    words = pd.Series("on_time", index=state.index, dtype=object)
    words[end < due] = "early"
    words[end > due] = "late"
    return words.where(state["ended"].notna(), None)


def register(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """dossier_register: the state of every dossier at as_of."""
    now = known_at(states, place.as_of)
    overdue = now["is_open"] & is_overdue(now, place.as_of)
    paused = now["is_open"] & now["is_paused"]
    judged_at = now["ended"].fillna(place.as_of)
    days_late = (judged_at.dt.normalize() - now["due"].dt.normalize()).dt.days.clip(lower=0)
    as_of = pd.Series(place.as_of, index=now.index)
    return pd.DataFrame(
        {
            "dossier_code": now["dossier_code"],
            "procedure_code": now["procedure"],
            "channel": now["channel"],
            "is_online": now["is_online"],
            "is_strictly_online": now["is_strict"],
            "original_unit_code": now["receiving_unit_code"],
            "receiving_unit_code": now["unit"],
            "processing_unit_code": now["processing"],
            "status_code": now["status_code"],
            "recorded_at": now["recorded_at"],
            "received_at": now["received"],
            "due_at": now["due"],
            "finished_at": now["ended"],
            "returned_at": now["returned"],
            "is_received": now["received"].notna(),
            "is_late_arrival": now["is_late"],
            "is_open": now["is_open"],
            "is_returned": now["is_returned"],
            "is_clock_paused": paused,
            "is_overdue": overdue,
            "is_due_soon": now["is_open"] & ~overdue & ~paused & now["due"].between(*due_soon(place)),
            "has_no_due_date": now["due"].isna(),
            "timeliness": timeliness(now),
            "days_late": days_late.where(~paused & now["received"].notna()),
            "working_days_taken": place.calendar.between(now["received"], now["ended"]),
            "working_days_left": place.calendar.between(as_of, now["due"]).where(now["is_open"]),
            "supplement_requests": now["asked"],
        }
    )


def alerts(states: pd.DataFrame, registered: pd.DataFrame) -> pd.DataFrame:
    """dossier_alerts: of the register what is overdue or comes due, with whose it is and why."""
    listed = registered[registered["is_overdue"] | registered["is_due_soon"]]
    whose = states.loc[listed.index]
    why = (listed["supplement_requests"] > 1).map({True: "asked_more_than_once", False: "past_due"})
    return listed[
        ["dossier_code", "procedure_code", "channel", "received_at", "due_at", "working_days_left"]
    ].assign(
        unit_code=whose["responsible"],
        sector_code=whose["sector_code"],
        alert=listed["is_overdue"].map({True: "overdue", False: "due_soon"}),
        overdue_reason=why.where(listed["is_overdue"], None),
    )


def channel_daily(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """submission_by_channel_daily."""
    now = known_at(states, place.as_of)
    now = now[now["received"] <= place.as_of]
    key = {
        "received_day": now["received"].dt.date,
        "receiving_unit_code": now["unit"],
        "processing_unit_code": now["processing"].fillna("unknown"),
        "sector_code": now["sector"],
        "service_level": now["service_level"].fillna("unknown"),
        "channel": now["channel"],
    }
    counts = {
        "received": now["received"].notna(), "strictly_online": now["is_strict"],
        "late_arrivals": now["is_late"], "still_open": now["is_open"], "finished": now["has_ended"],
        "returned": now["is_returned"],
    }  # fmt: skip
    return pd.DataFrame({**key, **{f"n_{k}": v for k, v in counts.items()}}).groupby(list(key)).sum().rename(
        columns=lambda c: c.removeprefix("n_")
    ).astype("int64").reset_index()  # fmt: skip
