"""The online submission rate: by unit, period and as-of day, at the cut-offs, and in rank (docs/domain.md §3)."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import pandas as pd

from tests.oracle.clock import PERIODS, as_of_days, end_of, first_day
from tests.oracle.dossiers import Place, known_at

RANKED = ["commune", "department"]


class Target(NamedTuple):
    """`level`: None for all; `percent`: whole."""

    metric: str
    level: str | None
    since: date
    percent: int


COUNTS = ["denominator", "numerator", "strict_numerator", "in_person", "postal", "late_arrivals"]


def flags(states: pd.DataFrame) -> pd.DataFrame:
    """What a rate counts, as 0 and 1 per state."""
    return pd.DataFrame(
        {
            "dossier": states["dossier"], "recorded_at": states["recorded_at"], "received": states["received"],
            "unit_code": states["unit"].astype("category"), "denominator": 1,
            "numerator": states["is_online"].astype(int), "strict_numerator": states["is_strict"].astype(int),
            "in_person": (states["channel"] == "in_person").astype(int),
            "postal": (states["channel"] == "postal").astype(int), "late_arrivals": states["is_late"].astype(int),
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


def submission_rate(
    states: pd.DataFrame, place: Place, cutoffs: pd.DataFrame, targets: list[Target]
) -> pd.DataFrame:
    """as-of day × unit × period, where something was received in the period."""
    tables = []
    counted_flags = flags(states)
    peers: dict[date, dict[str, str]] = {}
    for day in as_of_days(place.since.date(), place.as_of):
        moment = end_of(day, place.as_of)
        state = known_at(counted_flags, moment)
        for period in PERIODS:
            start = first_day(period, day, place.since.date())
            units = counted(state, pd.Timestamp(start), moment)
            tables.append(units.assign(as_of_day=day, period=period, period_start=start, as_of=moment))
        # The longest period comes last.
        peers[day] = size_peers(dict(zip(units["unit_code"], units["denominator"], strict=True)), place)
    table = pd.concat(tables, ignore_index=True)
    table = table[table["denominator"] > 0].copy()
    table["rate"] = table["numerator"] / table["denominator"]
    table["strict_rate"] = table["strict_numerator"] / table["denominator"]
    table["level"] = [place.level_of(unit) for unit in table["unit_code"]]
    table["size_peers"] = [
        peers[d].get(u) for d, u in zip(table["as_of_day"], table["unit_code"], strict=True)
    ]
    ranked(table, ["as_of_day", "period", "level"], "level")
    ranked(table, ["as_of_day", "period", "level", "size_peers"], "size_peers")
    alone = ~table["level"].isin(RANKED)
    for name in ("level", "size_peers"):
        for column in (f"rank_in_{name}", f"ranked_in_{name}"):
            table[column] = table[column].mask(alone)
    channels = ["numerator", "in_person", "postal"]
    shares = [printed_shares(list(row)) for row in table[channels].itertuples(index=False)]
    for position, channel in enumerate(["online", "in_person", "postal"]):
        table[f"{channel}_percent"] = [share[position] for share in shares]
    table = _compared(table, cutoffs, states, place)
    return with_target(table, targets)


def size_peers(received: dict[str, int], place: Place) -> dict[str, str]:
    """Each level in three by dossiers received, the larger first; what does not divide goes to the larger groups."""
    peers = {}
    for level in RANKED:
        units = [unit for unit, its in place.units.level.items() if its == level]
        units.sort(key=lambda unit: (-received.get(unit, 0), unit))
        size, over = divmod(len(units), 3)
        large, medium = size + (over > 0), 2 * size + over
        for position, unit in enumerate(units):
            peers[unit] = "large" if position < large else "medium" if position < medium else "small"
    return peers


def printed_shares(counts: list[int]) -> list[float | None]:
    """In percent with two decimals that add up to 100: the largest remainders get what rounding down left over."""
    total = sum(counts)
    if not total:
        return [None] * len(counts)
    down = [10_000 * count // total for count in counts]
    first = sorted(range(len(counts)), key=lambda position: (-(10_000 * counts[position] % total), position))
    for position in first[: 10_000 - sum(down)]:
        down[position] += 1
    return [share / 100 for share in down]


def _compared(table: pd.DataFrame, cutoffs: pd.DataFrame, states: pd.DataFrame, place: Place) -> pd.DataFrame:
    at = table.set_index(["as_of_day", "unit_code", "period"])[["rate", "rank_in_level"]].to_dict("index")
    nothing = {"rate": None, "rank_in_level": None}
    for days, name in ((1, "day_before"), (7, "week_before")):
        before = [
            at.get((d - timedelta(days=days), u, p), nothing)
            for d, u, p in zip(table["as_of_day"], table["unit_code"], table["period"], strict=True)
        ]
        _against(table, pd.DataFrame(before, index=table.index, columns=list(nothing)), name)
    before = []
    cache: dict[pd.Timestamp, dict[str, dict[str, object]]] = {}
    moments = sorted(zip(cutoffs["cutoff_at"], cutoffs["period_start"], strict=True))
    for as_of, start, unit in zip(table["as_of"], table["period_start"], table["unit_code"], strict=True):
        earlier = [c for c in moments if c[0] < as_of and c[1] == pd.Timestamp(start)]
        if earlier and earlier[-1][0] not in cache:
            cache[earlier[-1][0]] = _at_cutoff(states, *earlier[-1], place)
        moment = earlier[-1][0] if earlier else None
        before.append({"cutoff": moment, **(cache[moment].get(unit, nothing) if moment else nothing)})
    then = pd.DataFrame(before, index=table.index, columns=["cutoff", *nothing])
    table["cutoff_before"] = pd.to_datetime(then["cutoff"])
    return _against(table, then, "cutoff_before")


def _against(table: pd.DataFrame, before: pd.DataFrame, name: str) -> pd.DataFrame:
    table[f"change_since_{name}"] = table["rate"] - before["rate"].astype("float64")
    table[f"rank_movement_since_{name}"] = before["rank_in_level"].astype("float64") - table["rank_in_level"]
    return table


def _at_cutoff(
    states: pd.DataFrame, cutoff: pd.Timestamp, begins: pd.Timestamp, place: Place
) -> dict[str, dict[str, object]]:
    then = counted(known_at(flags(states), cutoff), begins, cutoff)
    then = then[then["denominator"] > 0].copy()
    then["rate"] = then["numerator"] / then["denominator"]
    then["level"] = [place.level_of(unit) for unit in then["unit_code"]]
    ranked(then, ["level"], "level")
    then["rank_in_level"] = then["rank_in_level"].where(then["level"].isin(RANKED))
    return {
        str(u): row
        for u, row in then.set_index("unit_code")[["rate", "rank_in_level"]].to_dict("index").items()
    }


def with_target(table: pd.DataFrame, targets: list[Target]) -> pd.DataFrame:
    percents = [
        target_at(targets, "online_submission_rate", level, day)
        for level, day in zip(table["level"], table["as_of_day"], strict=True)
    ]
    table["target"] = [None if p is None else p / 100 for p in percents]
    table["gap_to_target"] = table["rate"] - table["target"].astype("float64")
    table["additional_online_to_target"] = [
        additional_online(int(online), int(received), percent)
        for online, received, percent in zip(table["numerator"], table["denominator"], percents, strict=True)
    ]
    return table.drop(columns="level")


def target_at(targets: list[Target], metric: str, level: str, day: date) -> int | None:
    """The newest target in force, in percent; of two of one day that of the level itself."""
    candidates = [
        (t.since, t.level == level, t.percent)
        for t in targets
        if t.metric == metric and t.level in (level, None) and t.since <= day
    ]
    return max(candidates)[2] if candidates else None


def additional_online(online: int, received: int, percent: int | None) -> int | None:
    """Least n with (online + n) ÷ (received + n) at or over the target, found by trying; None where no n would do."""
    if percent is None or (percent == 100 and online < received):
        return None
    additional = 0
    while 100 * (online + additional) < percent * (received + additional):
        additional += 1
    return additional


def headline(
    states: pd.DataFrame, ranking: pd.DataFrame, cutoffs: pd.DataFrame, targets: list[Target], place: Place
) -> pd.DataFrame:
    """online_submission_headline: one row per cut-off up to as_of."""
    rows: list[dict[str, Any]] = []
    for cutoff in cutoffs.sort_values("cutoff_at").itertuples(index=False):
        if cutoff.cutoff_at > place.as_of:
            continue
        state = known_at(states, cutoff.cutoff_at)
        here = state[(state["received"] >= cutoff.period_start) & (state["received"] <= cutoff.cutoff_at)]
        received, online, strict = len(here), int(here["is_online"].sum()), int(here["is_strict"].sum())
        captured, rank, provinces = national_rank(ranking, cutoff.cutoff_at)
        before = rows[-1] if rows else {}
        rate, strict_rate = (n / received if received else None for n in (online, strict))
        percent = target_at(targets, "online_submission_rate", "province", cutoff.cutoff_at.date())
        target = None if percent is None else percent / 100
        rows.append(
            {
                "cutoff_at": cutoff.cutoff_at, "period_start": cutoff.period_start, "received": received,
                "online": online, "returned": int(here["is_returned"].sum()), "strictly_online": strict,
                "rate": rate, "strict_rate": strict_rate, "rate_change": _minus(rate, before.get("rate")),
                "rank_captured_at": captured, "national_rank": rank, "province_count": provinces,
                "previous_national_rank": before.get("national_rank"),
                "rank_movement": _minus(before.get("national_rank"), rank), "target": target,
                "gap_to_target": _minus(rate, target),
                "additional_online_to_target": additional_online(online, received, percent),
                "index_766_share_of_points": None if target is None or strict_rate is None
                else min(1.0, strict_rate / target),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def national_rank(
    ranking: pd.DataFrame, moment: pd.Timestamp, code: str = "40"
) -> tuple[pd.Timestamp | None, int | None, int | None]:
    """Of the newest capture at `moment` that lists the province: its time, place by rate, provinces in it."""
    ranking = ranking[ranking["captured_at"] <= moment]
    captured = ranking.loc[ranking["province_code"] == code, "captured_at"].max()
    if pd.isna(captured):
        return None, None, None
    newest = ranking[ranking["captured_at"] == captured]
    newest = newest.sort_values(["partition_key", "batch_id", "_row"]).drop_duplicates(
        "province_code", keep="last"
    )
    rates = {
        row.province_code: Fraction(int(row.online_total), int(row.received_total))
        for row in newest.itertuples()
        if row.received_total
    }
    rank = 1 + sum(rate > rates[code] for rate in rates.values()) if code in rates else None
    return captured, rank, len(newest)


def _minus(left: Any, right: Any) -> Any:
    return None if left is None or right is None else left - right
