"""How texts are read, the same for sources and reference tables: columns, formats, zone, empty words."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from pipelines.settings import LOCAL_ZONE
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.options.frozen import Frozen


class TableContract(Frozen):
    """How texts are read, the same for sources and reference tables."""

    name: str
    columns: tuple[Column, ...] = Field(
        (), description="Canonical column → the source's header, or header, words and default."
    )
    datetime_formats: tuple[str, ...] = Field(
        (), description="strptime formats of times, tried in order; never inferred. %z for a zone or offset."
    )
    date_formats: tuple[str, ...] = Field(
        ("%d/%m/%Y", "%Y-%m-%d"), description="strptime formats of dates, tried in order."
    )
    timezone: str = Field(str(LOCAL_ZONE), description="The zone in which zone-less times are written.")
    null_values: tuple[str, ...] = Field(("",), description="Texts that say nothing, e.g. '-'.")
    number_format: Literal["vi", "en"] = Field("vi", description="vi: 1.234,56; en: 1,234.56.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"timezone {zone!r} is not known; e.g. Asia/Ho_Chi_Minh") from None
        return zone
