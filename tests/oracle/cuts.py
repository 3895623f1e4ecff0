"""The rate cut six ways with its channel shares, and the three digital rates (docs/domain.md §3)."""

from __future__ import annotations

import pandas as pd

from tests.oracle.dossiers import Place, known_at
from tests.oracle.handling import periods
from tests.oracle.rates import Target, printed_shares, target_at

CHANNELS = ["online", "in_person", "postal"]
CUTS = {"receiving_unit": "unit", "processing_unit": "processing", "sector": "sector", "procedure": "procedure",
        "service_level": "service_level", "applicant_type": "applicant_type"}  # fmt: skip


def breakdown(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """online_submission_breakdown: period × dimension × member, where something was received."""
    now = known_at(states, place.as_of)
    now = now[now["received"] <= place.as_of]
    flags = pd.DataFrame({channel: (now["channel"] == channel).astype(int) for channel in CHANNELS})
    flags["denominator"], flags["strict_numerator"] = 1, now["is_strict"].astype(int)
    flags["late_arrivals"], received = now["is_late"].astype(int), now["received"]
    members = {cut: now[column].fillna("unknown").astype("category") for cut, column in CUTS.items()}
    tables = []
    for period, first, last, moment in periods(place):
        here = received.between(pd.Timestamp(first), moment)
        counts = flags[here]
        for dimension, member in members.items():
            line = counts.groupby(member[here].rename("member"), observed=True).sum().reset_index()
            line["member"] = line["member"].astype(object)
            tables.append(line.assign(as_of_day=last, period=period, period_start=first, dimension=dimension))
    table = pd.concat(tables, ignore_index=True)
    if table.empty:
        return pd.DataFrame()
    table["rate"] = table["online"] / table["denominator"]
    table["strict_rate"] = table["strict_numerator"] / table["denominator"]
    shares = [printed_shares(list(counts)) for counts in table[CHANNELS].itertuples(index=False)]
    for position, channel in enumerate(CHANNELS):
        table[f"{channel}_percent"] = [share[position] for share in shares]
    is_unit = table["dimension"].isin(["receiving_unit", "processing_unit"])
    table["member_level"] = table["member"].map(place.units.level).fillna("unknown").where(is_unit, "all")
    peers = table.groupby(["as_of_day", "period", "dimension", "member_level"])["rate"]
    table["rank_in_dimension"] = peers.rank(ascending=False, method="min")
    table["ranked_in_dimension"] = peers.transform("count")
    return _compared(table).rename(columns={"online": "numerator"})


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Against the period that ended the day before this one began."""
    key = ["period", "dimension", "member"]
    before = table[["as_of_day", *key, "rate", "rank_in_dimension"]].copy()
    before["period_start"] = before["as_of_day"] + pd.Timedelta(days=1).to_pytimedelta()
    table = table.merge(
        before.drop(columns="as_of_day"), on=[*key, "period_start"], how="left", suffixes=("", "_before")
    )
    table["change_since_period_before"] = table["rate"] - table["rate_before"]
    table["rank_movement_since_period_before"] = (
        table["rank_in_dimension_before"] - table["rank_in_dimension"]
    )
    return table.drop(columns=["rate_before", "rank_in_dimension_before"])


def digital_rates(states: pd.DataFrame, place: Place, targets: list[Target]) -> pd.DataFrame:
    """digital_service_rate: a dossier without the flag stands apart, it does not count as without the thing."""
    now = known_at(states, place.as_of)
    now = now[now["received"] <= place.as_of]
    digitised, result = now["is_digitised"].astype("boolean"), now["has_e_result"].astype("boolean")
    fee = now["procedure"].isin(place.fee)
    level = now["procedure"].map(place.service_level).fillna(now["service_level"])
    everyone = pd.Series(True, index=now.index)
    metrics = {
        "digitisation_rate": (everyone, digitised & result),
        "online_payment_rate": (fee, now["paid_online"].astype("boolean")),
        "full_process_online_rate": (level == "full", now["is_online"].astype("boolean")),
    }
    tables = []
    for metric, (counts, flag) in metrics.items():
        lines = pd.DataFrame(
            {
                "unit_code": now["unit"].astype("category"), "counted": counts.astype(int),
                "flagged": (counts & flag.notna()).astype(int), "numerator": (counts & flag.fillna(False)).astype(int),
            }
        )  # fmt: skip
        for period, first, last, moment in periods(place):
            here = lines[now["received"].between(pd.Timestamp(first), moment)]
            if here.empty:
                continue
            units = here.groupby("unit_code", observed=True).sum().astype("int64")
            units.index = units.index.astype(object)
            units.loc["province"] = units.sum()
            tables.append(units.reset_index().assign(as_of_day=last, period=period, metric=metric))
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    has_flag = table["flagged"] > 0
    table["missing_reason"] = [
        None if flagged else "source_has_no_flag" if n else "nothing_to_count"
        for n, flagged in zip(table["counted"], has_flag, strict=True)
    ]
    table["rate"] = (table["numerator"] / table["flagged"]).where(has_flag)
    table["without_flag"] = table["counted"] - table["flagged"]
    table["denominator"], table["numerator"] = (
        table["flagged"].where(has_flag),
        table["numerator"].where(has_flag),
    )
    percents = [
        target_at(targets, metric, place.level_of(unit), day)
        for metric, unit, day in zip(table["metric"], table["unit_code"], table["as_of_day"], strict=True)
    ]
    table["target"] = [None if percent is None else percent / 100 for percent in percents]
    table["gap_to_target"] = table["rate"] - table["target"].astype("float64")
    return table.drop(columns=["counted", "flagged"])
