"""Which strptime format a text may have been written in: for suggestions to people, never applied."""

from __future__ import annotations

import re
from itertools import islice

import duckdb

from pipelines.sources.contracts.table_contract import MOMENT_WORDS
from pipelines.sources.values.moments import read_by_formats_sql, read_by_word_sql

DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y/%m/%d", "%m/%d/%Y", "%Y%m%d", "%d/%m/%y")
TIMES = (
    "",
    " %H:%M:%S",
    " %H:%M",
    "T%H:%M:%S",
    "T%H:%M",
    "T%H:%M:%S.%f",
    " %H:%M:%S.%f",
    "%H%M%S",
    " %I:%M:%S %p",
    " %I:%M %p",
)
ZONES = ("", "%z", " %z")
# What a text says that a word reads, for people.
WORDS_MEAN = {
    "dotnet": "milliseconds since 1970 as .NET services write them",
    "epoch": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
}


def suggest_formats(con: duckdb.DuckDBPyConnection, texts: list[str]) -> list[str]:
    """Formats under which every text parses, likeliest first; two mean that day and month cannot be told."""
    if not texts:
        return []
    readings = {word: read_by_word_sql("t", word) for word in MOMENT_WORDS}
    for zone in ZONES:
        offset = "regexp_replace(t, 'Z$', '+00:00')" if zone else "t"
        for time in TIMES:
            readings |= {day + time + zone: read_by_formats_sql(offset, [day + time + zone]) for day in DAYS}
    fitting = (name for name, sql in readings.items() if _reads_all(con, sql, texts, name in MOMENT_WORDS))
    return list(islice(fitting, 2))


def describe_texts(texts: list[str], written: str) -> str:
    """What people should know of texts that the format or word `written` reads; '' where nothing."""
    if written in WORDS_MEAN:
        return f" ({WORDS_MEAN[written]})"
    if "%p" in written and any(re.search(r"\b(SA|CH|sáng|chiều)$", text, re.IGNORECASE) for text in texts):
        return " (SA and CH stand for AM and PM)"
    return ""


def _reads_all(con: duckdb.DuckDBPyConnection, sql: str, texts: list[str], is_word: bool) -> bool:
    """Numbers are moments only where they fall into times that anybody counts."""
    first, last = ("2000-01-01", "2100-01-01") if is_word else ("1900-01-01", "2200-01-01")
    row = con.execute(
        f"select bool_and(coalesce({sql} between '{first}' and '{last}', false)) from unnest(?) as texts (t)",
        [texts],
    ).fetchone()
    return bool(row and row[0])
