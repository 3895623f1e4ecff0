"""Which strptime format a text may have been written in: for suggestions to people, never applied."""

from __future__ import annotations

import duckdb

from pipelines import duck

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


def suggest_formats(con: duckdb.DuckDBPyConnection, texts: list[str]) -> list[str]:
    """Formats under which every text parses, likeliest first; two mean that day and month cannot be told."""
    texts = [text[:-1] + "+00:00" if text.endswith("Z") else text for text in texts]
    if not texts:
        return []
    fitting = []
    for zone in ZONES:
        for time in TIMES:
            for day in DAYS:
                candidate = day + time + zone
                read = f"try_strptime(t, {duck.literal(candidate)})"
                row = con.execute(
                    f"select bool_and({read} between '1900-01-01' and '2200-01-01') "
                    f"from unnest(?) as given (t)",
                    [texts],
                ).fetchone()
                if row and row[0]:
                    fitting.append(candidate)
    return fitting[:2]
