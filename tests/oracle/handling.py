"""How dossiers were handled: early, on time, late, open; form II.06a; online resolution (docs/domain.md §3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd

from tests.oracle.clock import PERIODS, as_of_days, end_of, first_day, last_day
from tests.oracle.dossiers import Place, is_overdue, known_at, timeliness

SLICE = ["responsible", "sector"]
NAMES = {"responsible": "unit_code", "sector": "sector_code"}


def periods(place: Place) -> Iterator[tuple[str, date, date, pd.Timestamp]]:
    """Kind, first day, last day that counts, end: every period that holds an as-of day."""
    days = list(as_of_days(place.since.date(), place.as_of))
    for period in PERIODS:
        for first in sorted({first_day(period, day, place.since.date()) for day in days}):
            last = last_day(period, first, place.as_of.date())
            yield period, first, last, end_of(last, place.as_of)


def by_event(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Received dossiers as known at as_of, with the days of their events; none ends before it was received."""
    now = known_at(states, place.as_of)
    now = now[now["received"].notna()]
    received_day, ended = now["received"].dt.normalize(), now["ended"].dt.normalize()
    return pd.DataFrame(
        {
            "dossier": now["dossier"],
            "responsible": now["responsible"].astype(pd.CategoricalDtype([*now["responsible"].unique(), "province"])),
            "sector": now["sector"].astype(pd.CategoricalDtype([*now["sector"].unique(), "all"])),
            "received": now["received"], "received_day": received_day,
            "closed_day": ended.where(~(ended < received_day), received_day),
            "taken": place.calendar.between(now["received"], now["ended"]).clip(lower=0).astype("float64"),
            "timeliness": timeliness(now), "no_due": now["due"].isna(),
            "is_online": now["is_online"], "status": now["status_code"],
        }
    )  # fmt: skip


class Backlog:
    """What was open at a moment by event time; overdue and paused by what the records said then."""

    def __init__(self, states: pd.DataFrame, now: pd.DataFrame) -> None:
        self.now = now[["dossier", *SLICE, "received", "closed_day"]]
        self.records = states[["dossier", "recorded_at", "asked", "is_paused", "due"]]
        self.first = self.records.drop_duplicates("dossier").set_index("dossier")

    def at(self, moment: pd.Timestamp) -> pd.DataFrame:
        still = self.now[(self.now["received"] <= moment) & ~(self.now["closed_day"] <= moment)]
        then = known_at(self.records, moment).set_index("dossier")
        early = self.first.loc[still.loc[~still["dossier"].isin(then.index), "dossier"]]
        then = pd.concat([then, early]).loc[still["dossier"]]
        return still.assign(
            overdue=is_overdue(then, moment).to_numpy(dtype=bool),
            paused=then["is_paused"].to_numpy(dtype=bool),
        )


def dossier_timeliness(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Period × responsible unit (or province) × sector (or all)."""
    now = by_event(states, place)
    backlog = Backlog(states, now)
    lines, times = [], []
    for period, first, last, moment in periods(place):
        begins = pd.Timestamp(first)
        received = now.loc[now["received"].between(begins, moment), SLICE]
        done = now[now["closed_day"].between(begins, moment)]
        still = backlog.at(moment)
        line = pd.concat(
            [
                _line(received, received=1),
                _line(
                    done, finished=1, early=done["timeliness"] == "early",
                    on_time=done["timeliness"] == "on_time", late=done["timeliness"] == "late",
                    finished_without_due=done["no_due"],
                ),
                _line(
                    still, open_total=1, open_in_term=~still["overdue"], open_overdue=still["overdue"],
                    open_paused=still["paused"],
                ),
            ]
        )  # fmt: skip
        lines.append(
            line.groupby(SLICE, observed=True).sum().reset_index().assign(as_of_day=last, period=period)
        )
        times.append(done[[*SLICE, "taken"]].assign(as_of_day=last, period=period))
    key = ["as_of_day", "period", *SLICE]
    counts = _with_totals(pd.concat(lines, ignore_index=True)).groupby(key, observed=True).sum()
    took = _with_totals(pd.concat(times, ignore_index=True)).sort_values("taken")
    alike = took.groupby(key, observed=True)
    place_in, size = alike.cumcount(), alike["taken"].transform("size")
    # The least number of days within which half, and nine tenths, were finished.
    half = took[place_in == (size + 1) // 2 - 1].set_index(key)["taken"].rename("median_working_days")
    tenths = took[place_in == -(-9 * size // 10) - 1].set_index(key)["taken"].rename("p90_working_days")
    table = counts.astype("int64").join([half, tenths]).reset_index().rename(columns=NAMES)
    table["on_time_rate"] = share(table["early"] + table["on_time"], table["finished"])
    return table


def share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """0..1; nothing where the whole is nothing."""
    return (part / whole).where(whole > 0)


def _line(rows: pd.DataFrame, **counts: pd.Series | int) -> pd.DataFrame:
    line = rows[SLICE].copy()
    for name, flag in counts.items():
        line[name] = flag if isinstance(flag, int) else flag.astype(int)
    return line


def _with_totals(rows: pd.DataFrame) -> pd.DataFrame:
    """Each row four times: its unit or the province, its sector or all."""
    total = rows.assign(responsible=pd.Series("province", rows.index, rows["responsible"].dtype))
    both = pd.concat([rows, total], ignore_index=True)
    every = both.assign(sector=pd.Series("all", both.index, both["sector"].dtype))
    return pd.concat([both, every], ignore_index=True)


def resolution(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """online_resolution_rate: of what ended with 7, 9 or 10 in the period, what came in online."""
    now = by_event(states, place)
    now = now[now["status"].isin([7, 9, 10]) & now["closed_day"].notna()]
    lines = []
    for period, first, last, moment in periods(place):
        done = now[now["closed_day"].between(pd.Timestamp(first), moment)]
        line = (
            _line(done, numerator=done["is_online"], denominator=1)
            .groupby(SLICE, observed=True)
            .sum()
            .reset_index()
        )
        lines.append(line.assign(as_of_day=last, period=period, first=first))
    key = ["as_of_day", "period", "first", *SLICE]
    table = _with_totals(pd.concat(lines, ignore_index=True)).groupby(key, observed=True).sum().reset_index()
    table["rate"] = share(table["numerator"], table["denominator"])
    rates = table.set_index(["as_of_day", "period", *SLICE])["rate"].to_dict()
    # Against the period that ended the day before this one began; a gap is no neighbour.
    earlier = [
        rates.get((first - timedelta(days=1), *slice_))
        for first, *slice_ in table[["first", "period", *SLICE]].itertuples(index=False)
    ]
    table["change_since_period_before"] = table["rate"] - pd.Series(earlier, table.index, dtype="float64")
    return table.drop(columns="first").rename(columns=NAMES)


def never_received(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """When each dossier was handed in, and when the waiting ended: received, or refused without having been."""
    now = known_at(states, place.as_of)
    never = now["received"].isna()
    refused = now["refused_at"].fillna(now["recorded_at"].where(now["status_code"] == 3)).where(never)
    return now[SLICE].assign(
        refused=refused,
        submitted=now["submitted_at"].fillna(now["recorded_at"].where(never)),
        taken=now["received"].fillna(refused),
    )


def form_ii06a(states: pd.DataFrame, place: Place) -> pd.DataFrame:
    """report_ii06a: month × responsible unit × sector, the columns 3 to 13 and what is shown apart."""
    now = by_event(states, place)
    apart = never_received(states, place)
    backlog = Backlog(states, now)
    months = []
    for period, first, _, moment in periods(place):
        if period != "month":
            continue
        begins = pd.Timestamp(first)
        here = now[now["received"] <= moment]
        new = here["received_day"] >= begins
        carried = here[~new & ~(here["closed_day"] < begins)]
        done = here[here["closed_day"].between(begins, moment)]
        still = backlog.at(moment)
        line = pd.concat(
            [
                _line(here[new], received_online=here[new]["is_online"], received_other=~here[new]["is_online"]),
                _line(carried, carried_over=1),
                _line(
                    done, resolved_early=done["timeliness"] == "early",
                    resolved_on_time=done["timeliness"] == "on_time",
                    resolved_late=done["timeliness"] == "late", withdrawn=done["status"] == 7,
                ),
                _line(still, open_in_term=~still["overdue"], open_overdue=still["overdue"]),
                _line(apart[apart["refused"].between(begins, moment)], not_received=1),
                _line(
                    apart[(apart["submitted"] <= moment) & ~(apart["taken"] <= moment)], waiting_for_receipt=1
                ),
            ]
        ).fillna(0)  # fmt: skip
        months.append(
            line.groupby(SLICE, observed=True).sum().astype("int64").reset_index().assign(month=first)
        )
    form = pd.concat(months, ignore_index=True).rename(columns=NAMES)
    form["received_total"] = form["received_online"] + form["received_other"] + form["carried_over"]
    form["resolved_total"] = form["resolved_early"] + form["resolved_on_time"] + form["resolved_late"]
    form["open_total"] = form["open_in_term"] + form["open_overdue"]
    return form
