"""Native cells and texts → the text that typing reads back exactly (docs/domain.md §7, numbers and Unicode).

A native number or date must not pass for a text of another meaning: 1.234 is no thousand, 1/8 no August.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.sources.contracts.contract import Column, Source
from pipelines.sources.contracts.table_contract import MOMENT_WORDS
from pipelines.sources.values.cells import DECIMAL_MARK, MOST_DIGITS
from pipelines.sources.values.cells import format_value as exact_text
from pipelines.sources.values.codes import FORMULA
from pipelines.sources.values.number_formats import NumberCell, write_percent

BLANKS = " \t\u00a0"
ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
CONSTANT_FORMULA = re.compile(FORMULA)
# A cell of 0 under a format of dates, as a link to an empty cell gives it: spreadsheets show 00/01/1900.
MIDNIGHT, DAY_ZERO = "00:00:00", datetime(1899, 12, 31)
UNNAMED = Column(name="unnamed")


class Number(str):
    """A number exactly as the file writes it, with a decimal point: no text."""


def clean_text(text: str) -> str | None:
    """NFC; blanks at both ends, also non-breaking ones, trimmed; nothing left is None."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).replace("\u00a0", " ")
    text = text.strip(BLANKS)
    if text.startswith("=") and (formula := CONSTANT_FORMULA.match(text)):
        text = formula[1].strip(BLANKS)
    return text or None


def format_cell(cell: Any, source: Source, column: Column | None) -> str | None:
    """One cell of any kind as the text to land in `column` (None: a column without a contract)."""
    if isinstance(cell, NumberCell) and column is not None and column.type == "percent":
        cell = write_percent(cell, DECIMAL_MARK[source.number_format])
    match cell:
        case NumberCell():
            cell = cell.value
        case Number():
            cell = _decimal(cell)
        case str() if cell == MIDNIGHT and column is not None and column.type in ("date", "timestamp"):
            return format_moment(DAY_ZERO, source, column)
        case str():
            return clean_text(cell)
        case float() if cell != cell:
            return None
        case datetime() | date():
            return format_moment(cell, source, column)
    return exact_text(cell, column or UNNAMED, source.number_format)


def _decimal(number: Number) -> Any:
    """Exact, unless its exponent would make gigabytes of digits: then the text as it stands."""
    try:
        value = Decimal(number)
    except ArithmeticError:
        return str(number)
    return value if abs(value.adjusted()) < MOST_DIGITS else str(number)


def format_moment(value: date, source: Source, column: Column | None) -> str:
    """The first of the column's formats that gives back the same moment, ISO forms before others.

    A time in a column of dates is its day; fractions of a second that no format reads are cut.
    """
    if isinstance(value, datetime) and column is not None and column.type == "date" and value.tzinfo is None:
        value = value.date()
    text = _write_moment(value, source, column)
    if text is None and isinstance(value, datetime) and value.microsecond:
        text = _write_moment(value.replace(microsecond=0), source, column)
    return text or (value.isoformat(" ") if isinstance(value, datetime) else value.isoformat())


def _write_moment(value: date, source: Source, column: Column | None) -> str | None:
    formats = [f for f in _formats(source, column) if f not in MOMENT_WORDS]
    for written in sorted(formats, key=lambda f: f not in ISO):
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
    return None


def _formats(source: Source, column: Column | None) -> tuple[str, ...]:
    kinds: Mapping[str, tuple[str, ...]] = {
        "timestamp": source.datetime_formats,
        "date": source.date_formats,
    }
    return kinds.get(column.type if column else "text", ())
