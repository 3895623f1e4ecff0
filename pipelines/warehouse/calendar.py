"""The library's calendar of the place's country: public holidays and make-up days, before overrides.

The override list in the reference data wins over it (docs/domain.md §7: the library misses some swaps).
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import holidays
import pandas as pd

from pipelines.warehouse.accepted_files import FILES

# The least that a calendar spans: the years in which places of the reform count.
FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)
# Deadlines and escalations reach beyond as_of.
YEARS_AHEAD = 2
# One deadline that is typed wrongly must not make a calendar of centuries; a day beyond it has no working days.
MOST_YEARS_AHEAD = 10


def build_calendar(country: str = "VN", first: date = FIRST, last: date = LAST) -> pd.DataFrame:
    """One row per day: `date`, `is_working_day`, `holiday_name` (None on ordinary days).

    `country`: an ISO code that the library knows, with a subdivision where holidays differ: `DE-BE`; else
    ValueError.
    """
    check_country(country)
    name, _, part = country.partition("-")
    # The country's own language: else the names, and with them a release's hashes, follow the shell's LANG.
    language = holidays.country_holidays(name, subdiv=part or None).default_language
    calendar = holidays.country_holidays(
        name, subdiv=part or None, years=range(first.year, last.year + 1), language=language
    )
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return pd.DataFrame(
        {
            "date": pd.Series(days, dtype="object"),
            "is_working_day": [calendar.is_working_day(day) for day in days],
            "holiday_name": [calendar.get(day) for day in days],
        }
    )


def find_span(con: duckdb.DuckDBPyConnection, counts_since: date, as_of: date) -> tuple[date, date]:
    """First and last day of the calendar: whole years, from the first day that any accepted row names, or
    counting begins, to the last, at least YEARS_AHEAD and at most MOST_YEARS_AHEAD years past as_of.
    `raw.accepted_files` says which days those are.
    """
    days = [FIRST, LAST, counts_since, as_of.replace(month=1, day=1), date(as_of.year + YEARS_AHEAD, 12, 31)]
    row = con.execute(f"select min(first_day), max(last_day) from {FILES}").fetchone()
    days += [day for day in row or () if day]
    last_year = min(max(days).year, max(as_of.year + MOST_YEARS_AHEAD, LAST.year))
    return date(min(days).year, 1, 1), date(last_year, 12, 31)


def find_uncovered_years(country: str, first: date, last: date) -> list[int]:
    """Years for which the library knows no public holiday of the country: only weekends are days off there."""
    name, _, part = country.partition("-")
    years = range(first.year, last.year + 1)
    listed = {day.year for day in holidays.country_holidays(name, subdiv=part or None, years=years)}
    return [year for year in years if year not in listed]


def check_country(country: str) -> None:
    """ValueError, with what to write instead, where the library has no calendar of a country or its part."""
    name, _, part = country.partition("-")
    try:
        holidays.country_holidays(name, subdiv=part or None)
    except NotImplementedError:
        raise ValueError(
            f"`place.country` is {country!r}, of which the calendar of holidays knows nothing; write an ISO code "
            f"such as VN, IN or DE-BE. Days off that no calendar knows go into `reference.working_day_overrides`"
        ) from None
