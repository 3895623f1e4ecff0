"""Numbers and dates as the two languages print them: 72,35 % and 310.903; 72.35% and 310,903."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

NONE_VI, NONE_EN = "chưa có", "n/a"


def count(value: int) -> tuple[str, str]:
    en = f"{value:,}"
    return en.replace(",", "."), en


def rate(value: float) -> tuple[str, str]:
    """0..1 → two decimals, as published."""
    en = f"{value * 100:.2f}"
    return f"{en.replace('.', ',')} %", f"{en}%"


def points(value: float) -> tuple[str, str]:
    """A difference of two rates, in percentage points, signed; true minus signs."""
    en = f"{value * 100:+.2f}".replace("-", "−")
    return f"{en.replace('.', ',')} điểm %", f"{en} pp"


def score(value: float) -> tuple[str, str]:
    """Points of an index, two decimals."""
    en = f"{value:.2f}"
    return en.replace(".", ","), en


def ranks(value: int) -> tuple[str, str]:
    """Positive is up (docs/domain.md §3)."""
    if value == 0:
        return "giữ nguyên", "unchanged"
    return (f"tăng {value} bậc", f"up {value}") if value > 0 else (f"giảm {-value} bậc", f"down {-value}")


def day(value: date) -> tuple[str, str]:
    return value.strftime("%d/%m/%Y"), value.strftime("%d %b %Y")


def short_day(value: date) -> tuple[str, str]:
    return value.strftime("%d/%m"), value.strftime("%d %b")


def minute(value: datetime) -> tuple[str, str]:
    """The last second of a day is its end: printed as 24:00, not as the minute before."""
    if (value.hour, value.minute, value.second) == (23, 59, 59):
        return f"hết ngày {day(value)[0]}", f"end of {day(value)[1]}"
    return value.strftime("%H:%M ngày %d/%m/%Y"), value.strftime("%H:%M, %d %b %Y")


def short_minute(value: datetime) -> tuple[str, str]:
    return value.strftime("%H:%M, %d/%m"), value.strftime("%H:%M, %d %b")


def text(value: Any) -> tuple[str, str]:
    return str(value), str(value)


FORMATS: dict[str, Callable[[Any], tuple[str, str]]] = {
    "count": count, "rate": rate, "points": points, "score": score, "ranks": ranks, "day": day,
    "short_day": short_day, "minute": minute, "short_minute": short_minute, "text": text,
}  # fmt: skip


def printed(value: Any, kind: str) -> tuple[str, str]:
    """(Vietnamese, English); what is missing is said, never blank or zero."""
    return (NONE_VI, NONE_EN) if value is None else FORMATS[kind](value)
