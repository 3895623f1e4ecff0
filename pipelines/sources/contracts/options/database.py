"""What sources.yaml may say of a database source."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, field_validator

from pipelines.sources.contracts.options.frozen import Frozen

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# Cursors that are numbers: seconds or milliseconds since 1970-01-01 UTC.
EPOCHS = {"epoch": 1, "epoch_ms": 1_000}
# Each differs from the one before in one more field, from the second up to the year.
_RISING = [
    datetime(2019, 2, 3, 4, 5, 6), datetime(2019, 2, 3, 4, 5, 17), datetime(2019, 2, 3, 4, 16, 2),
    datetime(2019, 2, 3, 15, 2, 1), datetime(2019, 2, 14, 3, 1, 0), datetime(2019, 11, 1, 0, 0, 0),
    datetime(2020, 1, 1, 0, 0, 0),
]  # fmt: skip


class DatabaseOptions(Frozen):
    """`url` also serves HTTP sources. It is never shown: it may hold a password.

    Native times arrive as `2025-08-06 09:30:00`, with a fraction only where there is one, and with
    `+00:00` where they have a zone: `datetime_formats` must read these.
    """

    url: str | None = Field(
        None,
        repr=False,
        description="SQLAlchemy's url of a database, or an API's address; ${NAME} is a secret.",
    )
    table: str | None = Field(None, description="The table or view to read.")
    query: str | None = Field(
        None, description="Instead of a table: one SELECT. `:partition` in it is the day, as a date."
    )
    db_schema: str | None = Field(None, description="The table's schema in the database.")
    cursor: str | None = Field(None, description="The column that says when a row changed.")
    cursor_format: str | None = Field(
        None,
        description="How a cursor of text is written (year first), or epoch, epoch_ms for numbers. "
        "Native dates and timestamps need none.",
    )
    overlap: timedelta = Field(
        timedelta(),
        description="How far a day reaches back into the one before (30m, 2h, 3d), for rows that are "
        "committed late. What comes twice counts once.",
    )
    pull_seconds: float = Field(
        7200,
        gt=0,
        description="Seconds that reading one day may take, from the connection to the last row or page; APIs too.",
    )
    scanner: bool = Field(
        True, description="false: read through SQLAlchemy's server-side cursor what DuckDB could scan."
    )

    @field_validator("overlap", mode="before")
    @classmethod
    def _span(cls, text: Any) -> Any:
        span = re.fullmatch(r"(\d+)\s*([mhd])", text) if isinstance(text, str) else None
        if span:
            return timedelta(**{UNITS[span[2]]: int(span[1])})
        if isinstance(text, timedelta) and text >= timedelta():
            return text
        raise ValueError(f"{text!r} is no span of time; write 30m, 2h or 3d")

    @field_validator("cursor_format")
    @classmethod
    def _sorts_as_time(cls, layout: str | None) -> str | None:
        """A partition is a range of the cursor: its texts must sort as the times they tell."""
        if layout is None or layout in EPOCHS:
            return layout
        texts = [moment.strftime(layout) for moment in _RISING]
        if texts != sorted(texts) or texts[0] == texts[-1] or "%z" in layout.lower():
            raise ValueError(
                f"texts written as {layout!r} do not sort by time, so a day of them is no range; the year "
                f"must come first. Use another cursor, or a `query` that turns it into a timestamp"
            )
        return layout

    def database_needs(self, partitioning: str) -> tuple[str, ...]:
        """Keys without which a database source cannot be read."""
        what = "table" if self.query is None else "query"
        return ("url", what, "cursor") if partitioning == "change_day" else ("url", what)
