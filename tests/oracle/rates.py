"""The online submission rate: by unit, period and as-of day, at the cut-offs, and in rank (DOMAIN §3)."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pandas as pd

from tests.oracle.clock import PERIODS, as_of_days, end_of, first_day
from tests.oracle.dossiers import Place, known_at

COUNTS = ["denominator", "numerator", "strict_numerator", "in_person", "postal", "late_arrivals"]


def flags(known: pd.DataFrame) -> pd.DataFrame:
    """What a rate counts, as 0 and 1 per state."""
    return pd.DataFrame(
        {
            "dossier": known["dossier"], "recorded_at": known["recorded_at"], "received": known["received"],
            "unit_code": known["unit"].astype("category"), "denominator": 1,
            "numerator": known["is_online"].astype(int), "strict_numerator": known["is_strict"].astype(int),
            "in_person": (known["channel"] == "in_person").astype(int),
            "postal": (known["channel"] == "postal").astype(int), "late_arrivals": known["is_late"].astype(int),
        }
    )  # fmt: skip


def counted(state: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """What was received in [start, end], by unit and for the province; `state`: flags at one moment."""
    here = state[state["received"].between(start, end)]
    units = here.groupby("unit_code", observed=True)[COUNTS].sum().reset_index()
    units["unit_code"] = units["unit_code"].astype(object)
    units.loc[len(units)] = ["province", *units[COUNTS].sum()]
    return units


def ranked(table: pd.DataFrame, group: list[str], name: str) -> pd.DataFrame:
    """Adds rank and number of ranked by rate within `group`; ties share the better; no rate, no rank."""
    rate = (table["numerator"] / table["denominator"]).where(table["denominator"] > 0)
    table[f"rank_in_{name}"] = rate.groupby([table[g] for g in group]).rank(ascending=False, method="min")
    table[f"ranked_in_{name}"] = rate.groupby([table[g] for g in group]).transform("count")
    return table


def submission_rate(known: pd.DataFrame, place: Place, cutoffs: pd.DataFrame) -> pd.DataFrame:
    """as-of day × unit × period, where something was received in the period."""
    found = []
    seen = flags(known)
    for day in as_of_days(place.since.date(), place.as_of):
        moment = end_of(day, place.as_of)
        state = known_at(seen, moment)
        for period in PERIODS:
            start = first_day(period, day, place.since.date())
            found.append(
                counted(state, pd.Timestamp(start), moment).assign(
                    as_of_day=day, period=period, period_start=start, as_of=moment
                )
            )
    table = pd.concat(found, ignore_index=True)
    table = table[table["denominator"] > 0].copy()
    table["rate"] = table["numerator"] / table["denominator"]
    table["strict_rate"] = table["strict_numerator"] / table["denominator"]
    table["unit_level"] = [
        None if u == "province" else place.units.level.get(u, "unknown") for u in table["unit_code"]
    ]
    table = ranked(table, ["as_of_day", "period", "unit_level"], "level")
    nobody = table["unit_level"].isna() | (table["unit_level"] == "unknown")
    table["rank_in_level"] = table["rank_in_level"].mask(nobody)
    table["ranked_in_level"] = table["ranked_in_level"].mask(nobody)
    table = table.drop(columns="unit_level")
    table = _compared(table, cutoffs, known)
    return table


def _compared(table: pd.DataFrame, cutoffs: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    at = table.set_index(["as_of_day", "unit_code", "period"])[["rate", "rank_in_level"]].to_dict("index")
    nothing = {"rate": None, "rank_in_level": None}
    for days, name in ((1, "day_before"), (7, "week_before")):
        before = [
            at.get((d - timedelta(days=days), u, p), nothing)
            for d, u, p in zip(table["as_of_day"], table["unit_code"], table["period"], strict=True)
        ]
        earlier = pd.DataFrame(before, index=table.index, columns=list(nothing)).astype("float64")
        table[f"change_since_{name}"] = table["rate"] - earlier["rate"]
        table[f"rank_movement_since_{name}"] = earlier["rank_in_level"] - table["rank_in_level"]
    rates, moments = [], []
    cache: dict[pd.Timestamp, dict[str, float]] = {}
    said = sorted(zip(cutoffs["cutoff_at"], cutoffs["period_start"], strict=True))
    for as_of, start, unit in zip(table["as_of"], table["period_start"], table["unit_code"], strict=True):
        earlier_cutoffs = [c for c in said if c[0] < as_of and c[1] == pd.Timestamp(start)]
        if not earlier_cutoffs:
            rates.append(None)
            moments.append(None)
            continue
        cutoff, begins = earlier_cutoffs[-1]
        if cutoff not in cache:
            then = counted(known_at(flags(known), cutoff), begins, cutoff)
            then = then[then["denominator"] > 0]
            cache[cutoff] = dict(zip(then["unit_code"], then["numerator"] / then["denominator"], strict=True))
        rates.append(cache[cutoff].get(unit))
        moments.append(cutoff)
    table["cutoff_before"] = pd.to_datetime(pd.Series(moments, index=table.index))
    table["change_since_cutoff_before"] = table["rate"] - pd.Series(rates, index=table.index, dtype="float64")
    return table


def additional_online(online: int, received: int, target: Fraction) -> int:
    """Least n with (online + n) ÷ (received + n) ≥ target, found by trying."""
    n = 0
    while received and Fraction(online + n, received + n) < target:
        n += 1
    return n


def headline(known: pd.DataFrame, ranking: pd.DataFrame, cutoffs: pd.DataFrame, place: Place) -> pd.DataFrame:
    """online_submission_headline: one row per cut-off up to as_of."""
    rows: list[dict[str, object]] = []
    for cutoff in cutoffs.sort_values("cutoff_at").itertuples(index=False):
        if cutoff.cutoff_at > place.as_of:
            continue
        state = known_at(known, cutoff.cutoff_at)
        here = state[(state["received"] >= cutoff.period_start) & (state["received"] <= cutoff.cutoff_at)]
        received, online = len(here), int(here["is_online"].sum())
        rank, provinces = national_rank(ranking, cutoff.cutoff_at)
        before = rows[-1] if rows else {}
        rate = online / received if received else None
        rows.append(
            {
                "cutoff_at": cutoff.cutoff_at, "received": received, "online": online,
                "returned": int(here["is_returned"].sum()), "strictly_online": int(here["is_strict"].sum()),
                "rate": rate, "rate_change": _minus(rate, before.get("rate")),
                "national_rank": rank, "province_count": provinces,
                "rank_movement": _minus(before.get("national_rank"), rank),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def national_rank(
    ranking: pd.DataFrame, moment: pd.Timestamp, code: str = "40"
) -> tuple[int | None, int | None]:
    """Place by rate in the newest capture at `moment`, and the provinces in it."""
    ranking = ranking[ranking["captured_at"] <= moment]
    if ranking.empty:
        return None, None
    newest = ranking[ranking["captured_at"] == ranking["captured_at"].max()]
    newest = newest.sort_values(["partition_key", "batch_id", "_row"]).drop_duplicates(
        "province_code", keep="last"
    )
    rates = {
        row.province_code: Fraction(int(row.online_total), int(row.received_total))
        for row in newest.itertuples()
        if row.received_total
    }
    if code not in rates:
        return None, len(newest)
    return 1 + sum(rate > rates[code] for rate in rates.values()), len(newest)


def _minus(a: object, b: object) -> object:
    return None if a is None or b is None else a - b  # type: ignore[operator]
