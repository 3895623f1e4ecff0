"""Working days by the library and the override list; the unit a code has become (docs/domain.md §6, §7)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import holidays
import pandas as pd

PERIODS = ("day", "week", "month", "quarter", "year", "since_start")
FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)


class Calendar:
    """Working days, counted one after the other."""

    def __init__(self, overrides: pd.DataFrame) -> None:
        """`overrides`: date, is_working_day; they win over the library."""
        library = holidays.country_holidays("VN", years=range(FIRST.year, LAST.year + 1))
        override = {pd.Timestamp(d).date(): w in (True, "true") for d, w in overrides.itertuples(index=False)}
        self.count: dict[date, int] = {}
        self.works: dict[date, bool] = {}
        working_days = 0
        for offset in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(days=offset)
            self.works[day] = override.get(day, library.is_working_day(day))
            working_days += self.works[day]
            self.count[day] = working_days

    def between(self, first: pd.Series, last: pd.Series) -> pd.Series:
        """Working days after the day of `first`, up to and with that of `last`; negative backwards."""
        return last.dt.date.map(self.count).astype("Float64") - first.dt.date.map(self.count).astype(
            "Float64"
        )

    def days_between(self, first: date, last: date) -> int:
        return self.count[last] - self.count[first]

    def after(self, day: date, working_days: int) -> date:
        """The n-th working day after `day`."""
        while working_days:
            day += timedelta(days=1)
            working_days -= self.works[day]
        return day


def first_day(period: str, day: date, since: date) -> date:
    """First day of the period that holds `day`."""
    if period == "since_start":
        return since
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "day":
        return day
    month = {"month": day.month, "quarter": 3 * ((day.month - 1) // 3) + 1, "year": 1}[period]
    return date(day.year, month, 1)


def last_day(period: str, first: date, as_of: date) -> date:
    """Last day of the period that counts: its own, or that of as_of while it runs."""
    following = {
        "day": first + timedelta(days=1),
        "week": first + timedelta(days=7),
        "month": _months_later(first, 1),
        "quarter": _months_later(first, 3),
        "year": _months_later(first, 12),
        "since_start": date.max,
    }[period]
    return min(following - timedelta(days=1), as_of)


def _months_later(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


class Units:
    """What a code means depends on the date: before 01/07/2025 the old commune, which is now another."""

    def __init__(self, units: pd.DataFrame, mapping: pd.DataFrame) -> None:
        self.became = dict(zip(mapping["old_unit_code"], mapping["new_unit_code"], strict=True))
        begun = pd.to_datetime(units["valid_from"])
        ended = pd.to_datetime(units["valid_to"])
        self.eras: dict[str, list[tuple[date, bool]]] = {}
        for code, start, end in sorted(
            zip(units["unit_code"], begun, ended, strict=True), key=lambda u: u[:2]
        ):
            self.eras.setdefault(code, []).append((start.date(), not pd.isna(end)))
        self.spans = list(zip(units["unit_code"], units["unit_level"], begun, ended, strict=True))
        today = units[ended.isna()]
        self.level = dict(zip(today["unit_code"], today["unit_level"], strict=True))
        self.communes = {code for code, level in self.level.items() if level == "commune"}

    def existing(self, level: str, day: date) -> set[str]:
        """The units of a level on a day."""
        moment = pd.Timestamp(day)
        return {c for c, its, a, b in self.spans if its == level and a <= moment and not b <= moment}

    def began(self, level: str) -> dict[str, date]:
        """Today's units of a level, each with its first day."""
        return {c: a.date() for c, its, a, b in self.spans if its == level and pd.isna(b)}

    def today(self, code: str | None, day: date) -> str | None:
        """The unit that this code, written on that day, stands for today; unknown codes stay as they are."""
        if code is None or pd.isna(code) or code not in self.eras:
            return None if code is None or pd.isna(code) else code
        eras = self.eras[code]
        era = max((e for e in eras if e[0] <= day), default=eras[0])
        return self.became.get(code, code) if era[1] else code

    def map(self, codes: pd.Series, days: pd.Series) -> pd.Series:
        code, codes_seen = pd.factorize(codes)
        day, days_seen = pd.factorize(days.dt.normalize())
        pair, pairs_seen = pd.factorize(code * len(days_seen) + day)
        units = [
            None
            if p < 0
            else self.today(codes_seen[p // len(days_seen)], days_seen[p % len(days_seen)].date())
            for p in pairs_seen
        ]
        return pd.Series([units[p] for p in pair], index=codes.index, dtype=object)


def as_of_days(since: date, as_of: pd.Timestamp) -> Iterable[date]:
    return (d.date() for d in pd.date_range(since, as_of.normalize()))


def end_of(day: date, as_of: pd.Timestamp) -> pd.Timestamp:
    """The last second of a day, or as_of on the last."""
    return min(pd.Timestamp(day) + pd.Timedelta(days=1, seconds=-1), as_of)
