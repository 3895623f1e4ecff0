"""The library's calendar of the place's country: public holidays and make-up days, before overrides.

The override list in the reference data wins over it (docs/domain.md §7: the library misses some swaps).
"""

from __future__ import annotations

from datetime import date, timedelta

import holidays
import pandas as pd

FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)


def build_calendar(country: str = "VN", first: date = FIRST, last: date = LAST) -> pd.DataFrame:
    """One row per day: `date`, `is_working_day`, `holiday_name` (None on ordinary days).

    `country`: an ISO code that the library knows, with a subdivision where holidays differ: `DE-BE`.
    """
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
