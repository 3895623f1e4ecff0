"""How dossiers were handled: early, on time, late, open; form II.06a; online resolution (DOMAIN §3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pandas as pd

from tests.oracle.clock import PERIODS, as_of_days, end_of, first_day, last_day
from tests.oracle.dossiers import Place, is_overdue, known_at, timeliness


def periods(place: Place) -> Iterator[tuple[str, date, date, pd.Timestamp]]:
    """Kind, first day, last day that counts, end: every period that holds an as-of day."""
    days = list(as_of_days(place.since.date(), place.as_of))
    for period in PERIODS:
        for first in sorted({first_day(period, day, place.since.date()) for day in days}):
            last = last_day(period, first, place.as_of.date())
            yield period, first, last, end_of(last, place.as_of)


def by_event(known: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Received dossiers as known at as_of, with the days of their events; none ends before it was received."""
    now = known_at(known, place.as_of)
    now = now[now["received"].notna()].copy()
    now["timeliness"] = timeliness(now)
    now["received_day"] = now["received"].dt.normalize()
    ended = now["ended"].dt.normalize()
    now["closed_day"] = ended.where(~(ended < now["received_day"]), now["received_day"])
    taken = place.calendar.between(now["received"], now["ended"])
    now["taken"] = taken.clip(lower=0)
    return now


def open_at(now: pd.DataFrame, known: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """Open at `moment` by event time; overdue and paused by what their records said then."""
    day = moment.normalize()
    still = now[(now["received"] <= moment) & ~(now["closed_day"] <= day)]
    first = known[known["dossier_code"].isin(still["dossier_code"])].drop_duplicates("dossier_code")
    then = known_at(known, moment)
    said = pd.concat([first, then]).drop_duplicates("dossier_code", keep="last").set_index("dossier_code")
    said = said.loc[still["dossier_code"]]
    still = still.assign(
        overdue=is_overdue(said, moment).to_numpy(dtype=bool), paused_then=said["is_paused"].to_numpy(dtype=bool)
    )
    return still


def dossier_timeliness(known: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Period × responsible unit (or province) × sector (or all)."""
    now = by_event(known, place)
    found: list[dict[str, object]] = []
    for period, first, last, moment in periods(place):
        begins = pd.Timestamp(first)
        received = now[(now["received_day"] >= begins) & (now["received"] <= moment)]
        finished = now[(now["closed_day"] >= begins) & (now["closed_day"] <= moment)]
        still = open_at(now, known, moment)
        parts = pd.concat(
            [
                _line(received, received=1),
                _line(
                    finished, finished=1, early=finished["timeliness"] == "early",
                    on_time=finished["timeliness"] == "on_time", late=finished["timeliness"] == "late",
                    finished_without_due=finished["due"].isna(),
                ),
                _line(
                    still, open_total=1, open_in_term=~still["overdue"], open_overdue=still["overdue"],
                    open_paused=still["paused_then"],
                ),
            ]
        )  # fmt: skip
        days = finished[["responsible", "sector", "taken"]]
        for units in (False, True):
            for sectors in (False, True):
                key = {
                    "unit_code": parts["responsible"] if units else "province",
                    "sector_code": parts["sector"] if sectors else "all",
                }
                line = parts.drop(columns=["responsible", "sector"]).assign(**key)
                took = days.assign(
                    unit_code=days["responsible"] if units else "province",
                    sector_code=days["sector"] if sectors else "all",
                )
                if line.empty:
                    continue
                quantiles = {k: _quantiles(g["taken"]) for k, g in took.groupby(["unit_code", "sector_code"])}
                counted = line.groupby(["unit_code", "sector_code"]).sum().astype("int64")
                for (unit, sector), row in counted.iterrows():
                    median, p90 = quantiles.get((unit, sector), (None, None))
                    found.append(
                        {
                            "as_of_day": last, "period": period, "unit_code": unit, "sector_code": sector,
                            **row.to_dict(), "median_working_days": median, "p90_working_days": p90,
                        }
                    )  # fmt: skip
    return pd.DataFrame(found)


def _line(rows: pd.DataFrame, **counts: object) -> pd.DataFrame:
    line = pd.DataFrame({"responsible": rows["responsible"], "sector": rows["sector"]})
    for name, flag in counts.items():
        line[name] = flag.astype(int) if isinstance(flag, pd.Series) else flag
    return line


def _quantiles(taken: pd.Series) -> tuple[int | None, int | None]:
    """The least number of days within which half, and nine tenths, were finished."""
    days = sorted(taken)
    return (int(days[(len(days) + 1) // 2 - 1]), int(days[-(-9 * len(days) // 10) - 1])) if days else (None, None)


def resolution(known: pd.DataFrame, place: Place) -> pd.DataFrame:
    """online_resolution_rate: of what ended with 7, 9 or 10 in the period, what came in online."""
    now = by_event(known, place)
    now = now[now["status_code"].isin([7, 9, 10]) & now["ended"].notna()]
    found = []
    for period, first, last, moment in periods(place):
        done = now[(now["closed_day"] >= pd.Timestamp(first)) & (now["closed_day"] <= moment)]
        for units in (False, True):
            for sectors in (False, True):
                line = pd.DataFrame(
                    {
                        "unit_code": done["responsible"] if units else "province",
                        "sector_code": done["sector"] if sectors else "all",
                        "numerator": done["is_online"].astype(int), "denominator": 1,
                    },
                    index=done.index,
                )  # fmt: skip
                counted = line.groupby(["unit_code", "sector_code"]).sum().reset_index()
                found.append(counted.assign(as_of_day=last, period=period))
    return pd.concat(found, ignore_index=True)


def form_ii06a(known: pd.DataFrame, place: Place) -> pd.DataFrame:
    """report_ii06a: month × responsible unit × sector, the columns 3 to 13 and withdrawn."""
    now = by_event(known, place)
    found = []
    for period, first, _, moment in periods(place):
        if period != "month":
            continue
        begins = pd.Timestamp(first)
        here = now[now["received"] <= moment]
        new = here["received_day"] >= begins
        carried = here[~new & ~(here["closed_day"] < begins)]
        done = here[(here["closed_day"] >= begins) & (here["closed_day"] <= moment)]
        still = open_at(here, known, moment)
        parts = pd.concat(
            [
                _line(here[new], received_online=here[new]["is_online"], received_other=~here[new]["is_online"]),
                _line(carried, carried_over=1),
                _line(
                    done, resolved_early=done["timeliness"] == "early",
                    resolved_on_time=done["timeliness"] == "on_time",
                    resolved_late=done["timeliness"] == "late", withdrawn=done["status_code"] == 7,
                ),
                _line(still, open_in_term=~still["overdue"], open_overdue=still["overdue"]),
            ]
        )  # fmt: skip
        line = parts.groupby(["responsible", "sector"]).sum().astype("int64").reset_index()
        found.append(line.assign(month=first).rename(columns={"responsible": "unit_code", "sector": "sector_code"}))
    return pd.concat(found, ignore_index=True)
