"""What sources.yaml may say of a database source."""

from __future__ import annotations

from pydantic import Field

from pipelines.sources.options.frozen import Frozen


class DatabaseOptions(Frozen):
    """`url` also serves HTTP sources. It is never shown: it may hold a password."""

    url: str | None = Field(default=None, repr=False)
    table: str | None = None
    db_schema: str | None = None
    cursor: str | None = None
    cursor_format: str | None = None

    def database_needs(self, partitioning: str) -> tuple[str, ...]:
        """Keys without which a database source cannot be read."""
        return ("url", "table", "cursor") if partitioning == "change_day" else ("url", "table")
