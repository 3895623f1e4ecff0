"""What sources.yaml may say of a database source."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, field_validator

from pipelines.sources.options.frozen import Frozen

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

    `table` or `query` (one SELECT; `:partition` in it is the day, as a date). `cursor`: the column that
    says when a row changed. `cursor_format`: how a text cursor is written (`%Y-%m-%d %H:%M:%S`), or
    `epoch`, `epoch_ms` for numbers; native dates and timestamps need none. `overlap` (`30m`, `2h`, `3d`):
    how far a partition reaches back into the one before. `scanner: false` reads through SQLAlchemy's
    server-side cursor what DuckDB could scan.
    """

    url: str | None = Field(default=None, repr=False)
    table: str | None = None
    query: str | None = None
    db_schema: str | None = None
    cursor: str | None = None
    cursor_format: str | None = None
    overlap: timedelta = timedelta()
    scanner: bool = True

    @field_validator("overlap", mode="before")
    @classmethod
    def _span(cls, said: Any) -> Any:
        found = re.fullmatch(r"(\d+)\s*([mhd])", said) if isinstance(said, str) else None
        if found:
            return timedelta(**{UNITS[found[2]]: int(found[1])})
        if isinstance(said, timedelta) and said >= timedelta():
            return said
        raise ValueError(f"{said!r} is no span of time; write 30m, 2h or 3d")

    @field_validator("cursor_format")
    @classmethod
    def _sorts_as_time(cls, said: str | None) -> str | None:
        """A partition is a range of the cursor: its texts must sort as the times they tell."""
        if said is None or said in EPOCHS:
            return said
        texts = [moment.strftime(said) for moment in _RISING]
        if texts != sorted(texts) or texts[0] == texts[-1] or "%z" in said.lower():
            raise ValueError(
                f"texts written as {said!r} do not sort by time, so a day of them is no range; the year "
                f"must come first. Use another cursor, or a `query` that turns it into a timestamp"
            )
        return said

    def database_needs(self, partitioning: str) -> tuple[str, ...]:
        """Keys without which a database source cannot be read."""
        what = "table" if self.query is None else "query"
        return ("url", what, "cursor") if partitioning == "change_day" else ("url", what)
