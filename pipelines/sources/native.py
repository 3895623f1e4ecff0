"""Native cells and texts → the text that typing reads back exactly (DOMAIN §7, numbers and Unicode).

A native number or date must not pass for a text of another meaning: 1.234 is no thousand, 1/8 no August.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from pipelines.sources.contract import Column, Source

BLANKS = " \t\u00a0"
ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
TEXTUAL = ("text",)


class Number(str):
    """A number exactly as the file writes it, in plain notation with a decimal point: no text."""


def clean(text: str) -> str | None:
    """NFC; blanks at both ends, also non-breaking ones, trimmed; nothing left is None."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).replace("\u00a0", " ")
    return text.strip(BLANKS) or None


def cell_text(cell: Any, source: Source, column: Column | None) -> str | None:
    """One cell of any kind as the text to land in `column` (None: a column without a contract)."""
    match cell:
        case None:
            return None
        case Number():
            return number_text(cell, source, column)
        case str():
            return clean(cell)
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case float():
            return None if cell != cell else number_text(Number(plain_number(cell)), source, column)
        case datetime() | date():
            return moment_text(cell, source, column)
        case time() | timedelta():
            return str(cell)
    return clean(str(cell))


def plain_number(value: float) -> str:
    """`12.0` → `12`, `1e-07` → `0.0000001`: shortest digits that give the same number, no exponent."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    written = repr(value)
    if "e" not in written or "inf" in written:
        return written
    digits = f"{value:.20f}" if abs(value) < 1 else f"{value:.0f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def number_text(number: Number, source: Source, column: Column | None) -> str:
    """In a number column the source's own decimal sign, which its text parser expects."""
    plain = number[:-2] if number.endswith(".0") else str(number)
    numeric = column is not None and column.type not in TEXTUAL
    return plain.replace(".", ",") if numeric and source.number_format == "vi" else plain


def moment_text(value: date, source: Source, column: Column | None) -> str:
    """The first of the column's formats that gives back the same moment, ISO forms before others."""
    for written in sorted(_formats(source, column), key=lambda f: f not in ISO):
        with_zone = "%z" in written
        if with_zone != (isinstance(value, datetime) and value.tzinfo is not None):
            continue
        text = value.strftime(written)
        try:
            back = datetime.strptime(text, written)
        except ValueError:
            continue
        if (back if isinstance(value, datetime) else back.date()) == value:
            return text
    return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()


def _formats(source: Source, column: Column | None) -> tuple[str, ...]:
    kinds: Mapping[str, tuple[str, ...]] = {
        "timestamp": source.datetime_formats,
        "date": source.date_formats,
    }
    return kinds.get(column.type if column else "text", ())
