"""Dates that stand for "no date": what systems and spreadsheets write where nothing was entered.

They are never values. A place adds its own under `placeholder_dates` of a source.
"""

from __future__ import annotations

from pipelines import duck
from pipelines.sources.contracts.contract import Source

# Each with what writes it. An offset moves the first and the last of all days by one.
FIRST_DAYS = (
    "0000-12-31",  # .NET's smallest date, with an offset
    "0001-01-01",  # .NET's smallest date
    "1601-01-01",  # Windows, time 0
    "1753-01-01",  # SQL Server, smallest datetime
    "1858-11-17",  # modified Julian day 0
    "1899-12-30",  # OLE Automation and spreadsheets, day 0
    "1899-12-31",  # spreadsheets, day 0
    "1900-01-01",  # SQL Server, an empty text cast to a date
    "1904-01-01",  # spreadsheets of the Macintosh, day 0
    "1960-01-01",  # SAS and Stata, day 0
    "1969-12-31",  # Unix, time 0 west of Greenwich
    "1970-01-01",  # Unix, time 0
    "1980-01-01",  # DOS and its file systems, time 0
)
# Days that hold true events too: only their first moment says that a clock was never set.
FIRST_MOMENTS = (
    "2000-01-01 00:00:00",  # PostgreSQL, devices without a battery
    "2001-01-01 00:00:00",  # Apple, time 0
)
LAST_DAYS = (
    "2038-01-19",  # Unix, largest time of 32 bits
    "2079-06-06",  # SQL Server, largest smalldatetime
    "2099-12-31",  # without end
    "2999-12-31",  # without end
    "9999-12-31",  # without end; .NET's largest date
    "10000-01-01",  # the same, with an offset
)
# Between them lies no day of ours, and nearly every date that is one: these are not compared with each of the list.
LAST_BEFORE, FIRST_AFTER = "2001-01-01", "2038-01-19"
# Zeros in the place of a date, with or without a time of zeros: MySQL; spreadsheets show day 0 as 00/01/1900.
_ZERO_DAY = (
    r"0000[-/.]?00[-/.]?00|00[-/.]00[-/.]0000|00?[-/.]0?1[-/.]1900|0?1[-/.]00?[-/.]1900|1900[-/.]01[-/.]00"
)
_ZERO_TIME = r"[ T]?[0:.]*Z?|[ T]12:00(:00)? ?(AM|SA)"
ZERO_DATE = f"(?i)({_ZERO_DAY})({_ZERO_TIME})"


def list_placeholder_days(source: Source) -> tuple[str, ...]:
    """Ours and the place's. What a reference table lists may well be valid since 1900: only its ends count."""
    first = () if source.is_reference else FIRST_DAYS
    return (*first, *LAST_DAYS, *map(str, source.placeholder_dates))


def is_placeholder_sql(source: Source, text: str, moment: str) -> str:
    """SQL, never NULL: whether `text`, which reads as the timestamp `moment` or as nothing, says "no date"."""
    listed = ", ".join(map(_day_sql, list_placeholder_days(source)))
    is_zero = f"coalesce(regexp_full_match({text}, {duck.literal(ZERO_DATE)}), false)"
    is_listed = f"cast({moment} as date) in ({listed})"
    if not source.is_reference:
        first_moments = ", ".join(f"timestamp {duck.literal(first)}" for first in FIRST_MOMENTS)
        is_listed += f" or cast({moment} as timestamp) in ({first_moments})"
    usual = is_usual_sql(source, moment)
    return f"case when {moment} is null then {is_zero} when {usual} then false else {is_listed} end"


def is_usual_sql(source: Source, moment: str) -> str:
    """SQL: whether a moment lies where nearly all of ours do, which no list calls a placeholder."""
    after, before = f"timestamp '{LAST_BEFORE} 23:59:59.999999'", f"timestamp '{FIRST_AFTER}'"
    own = [_day_sql(str(day)) for day in source.placeholder_dates if LAST_BEFORE < str(day) < FIRST_AFTER]
    other = f" and cast({moment} as date) not in ({', '.join(own)})" if own else ""
    return f"({moment} > {after} and {moment} < {before}{other})"


def is_declared_sql(source: Source, moment: str) -> str:
    """SQL, never NULL: whether sources.yaml itself calls the day of `moment` a placeholder."""
    listed = ", ".join(_day_sql(str(day)) for day in source.placeholder_dates)
    return f"coalesce(cast({moment} as date) in ({listed}), false)" if listed else "false"


def _day_sql(day: str) -> str:
    return f"date {duck.literal('0001-12-31 (BC)' if day.startswith('0000') else day)}"
