"""How texts are read, the same for sources and reference tables: columns, formats, zone, empty words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.names import suggest_nearest
from pipelines.sources.contracts.options.frozen import Frozen

# Formats that are words: moments as numbers, always of UTC (pipelines/sources/values/moments.py reads them).
MOMENT_WORDS = ("dotnet", "epoch", "epoch_ms")
DAY_OR_MONTH = re.compile(r"%-?[dm]")
LITERAL_ZONE = re.compile(r"(?<!%)Z$|[+-]\d\d:?\d\d$")


def find_exchanged_formats(formats: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of formats that are one but for the order of day and month: no text tells which of them it is in."""
    return [
        (one, other)
        for one, other in combinations(formats, 2)
        if one != other and DAY_OR_MONTH.sub("%d", one) == DAY_OR_MONTH.sub("%d", other)
    ]


class TableContract(Frozen):
    """How texts are read, the same for sources and reference tables."""

    name: str
    columns: tuple[Column, ...] = Field(
        (), description="Canonical column → the source's header, or header, words and default."
    )
    datetime_formats: tuple[str, ...] = Field(
        (),
        description="strptime formats of times, tried in order; never inferred. %z for a zone or offset, %f "
        "for one to nine digits of a second, %p for AM/PM and SA/CH. Or a word: dotnet (/Date(1754447400000)/), "
        "epoch (seconds since 1970), epoch_ms.",
    )
    date_formats: tuple[str, ...] = Field(
        ("%d/%m/%Y", "%Y-%m-%d"), description="strptime formats of dates, or words, tried in order."
    )
    timezone: str = Field(str(LOCAL_ZONE), description="The zone in which zone-less times are written.")
    null_values: tuple[str, ...] = Field(("",), description="Texts that say nothing, e.g. '-'.")
    placeholder_dates: tuple[date, ...] = Field(
        (),
        description="Days that stand for no date in this source, beside those that every source may write "
        "(1900-01-01, 1970-01-01, 0001-01-01, 9999-12-31 …): never values, and nothing is said of them.",
    )
    number_format: Literal["vi", "en"] = Field("vi", description="vi: 1.234,56; en: 1,234.56.")

    @field_validator("datetime_formats", "date_formats")
    @classmethod
    def _formats_read_something(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for written in formats:
            if "%" not in written and written not in MOMENT_WORDS:
                words = ", ".join(MOMENT_WORDS)
                near = suggest_nearest(written, MOMENT_WORDS)
                raise ValueError(
                    f"{written!r} is no format: write one with % as in %d/%m/%Y, or {words}{near}"
                )
            if LITERAL_ZONE.search(written):
                raise ValueError(
                    f"{written!r} ends with a zone that is only skipped: its times would be taken for local ones. "
                    f"Write %z there, which reads Z and +07:00"
                )
        for one, other in find_exchanged_formats(formats):
            raise ValueError(
                f"{one!r} and {other!r} differ in the order of day and month alone: 05/08 would be read by the "
                f"first, 13/08 by the other. Name the one that the source writes"
            )
        return formats

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"timezone {zone!r} is not known; e.g. Asia/Ho_Chi_Minh") from None
        return zone
