"""One value of a driver or of a JSON document → the text that typing reads back exactly.

DuckDB's scanners do the same in SQL (`scanner.py`); a test holds the two against each other.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from pipelines.sources.contracts.contract import Column
from pipelines.sources.values.number_formats import DIGITS_KEPT, INEXACT

NUMERIC = ("integer", "bigint", "decimal", "percent")
# A driver's decimal may have a short exponent that is gigabytes of digits when written out.
MOST_DIGITS = 400
# The mark before decimals, as typing reads numbers of that format.
DECIMAL_MARK = {"vi": ",", "en": "."}


def format_value(value: Any, column: Column, number_format: str = "vi") -> str | None:
    """NULL stays NULL; no exponent, no rounding; `true`/`false`; ISO times. ValueError for bytes.

    In a column of numbers 1234.0 is `1234`, and 1.5 is written in the source's own number format: a
    dot would be read as a thousands separator where numbers are Vietnamese.
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() | Decimal():
            return _number(value, column, number_format)
        case datetime():
            return _moment(value)
        case date() | time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            raise ValueError(f"column {column.name!r} holds bytes, not text")
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _moment(value: datetime) -> str:
    """`2025-08-06 16:00:00`, `….5`; a moment with a zone is told in UTC, `…+00:00`."""
    zoned = value.tzinfo is not None
    plain = value.astimezone(UTC).replace(tzinfo=None) if zoned else value
    text = plain.isoformat(sep=" ")
    return (text.rstrip("0") if plain.microsecond else text) + ("+00:00" if zoned else "")


def _number(value: float | Decimal, column: Column, number_format: str) -> str:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if abs(exact.adjusted()) > MOST_DIGITS:
        raise ValueError(f"column {column.name!r} holds a number of more than {MOST_DIGITS} digits")
    text = format(exact, "f")
    if column.type not in NUMERIC:
        is_exact = isinstance(value, Decimal) and value.as_tuple().exponent <= 0  # type: ignore[operator]
        if not is_exact and abs(exact) >= 10**DIGITS_KEPT:
            raise ValueError(f"column {column.name!r} holds {INEXACT}")
        # Trailing zeros of a decimal belong to a code (79.00010); a float has none of its own.
        return text.removesuffix(".0") if isinstance(value, float) else text
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    return whole + (DECIMAL_MARK[number_format] + decimals if decimals else "")
