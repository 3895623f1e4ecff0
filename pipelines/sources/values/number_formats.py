"""Numbers that stand for codes: what a cell shows of them, and what a number cannot have kept.

A binary floating-point number keeps 15 decimal digits; a workbook's own number has no leading zero and no zero at
its end. Where the cell's format tells them (`00000`, `0.000000`) they are written again; else the loss is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from pipelines.sources.contracts.contract import Source
from pipelines.sources.notes import CHECK

DIGITS_KEPT = 15
TOKEN = re.compile(r'"([^"]*)"|\\(.)|\[[^\]]*\]|_.|\*.|([0#?])|(\.)|(,)|([-/() :])|(.)', re.DOTALL)


class LostDigits(ValueError):
    """A number that no longer has the digits of the code that it was; the text says why and what to do."""


class NumberCell(NamedTuple):
    """A number as a workbook keeps it, and the format in which its cell shows it."""

    value: float
    format: str


TOO_LONG = (
    "a number of more than 15 digits: a number cell keeps 15, the others were lost before the file was written. "
    "Format the column as text where the file comes from, and export it again"
)
INEXACT = (
    "a code written as a number with an exponent, or with more than 15 digits and a decimal point: it was a "
    "floating-point number, and its digits are lost. Let the source give it as text"
)

A_DATE = (
    "a date, where a code is expected: a spreadsheet made it of a code such as 3-25, which is lost. Format the column "
    "as text where the file comes from, and type the codes again"
)


def require_kept_digits(value: float) -> None:
    """LostDigits for a native number of more than 15 digits, which was another one before it became a number."""
    if abs(value) >= 10**DIGITS_KEPT:
        raise LostDigits(TOO_LONG)


def require_exact_text(number: str) -> None:
    """LostDigits for a number of a JSON document that was a floating-point number: `1.23E+18`."""
    digits = sum(sign.isdigit() for sign in number)
    if "e" in number.lower() or ("." in number and digits > DIGITS_KEPT + 2):
        raise LostDigits(INEXACT)


def show_number(cell: NumberCell) -> str | None:
    """The number as its cell shows it, for a code; None where the format tells nothing of its zeros."""
    code = cell.format.split(";")[0]
    whole, decimals = _split(code)
    if whole is None or decimals is None:
        return None
    places = sum(1 for kind, _ in decimals if kind == "digit")
    required = sum(1 for kind, sign in decimals if kind == "digit" and sign == "0")
    text = format(abs(Decimal(repr(cell.value))), f".{places}f")
    digits, _, fraction = text.partition(".")
    while len(fraction) > required and fraction.endswith("0"):
        fraction = fraction[:-1]
    tail = "".join(sign for kind, sign in decimals if kind == "literal")
    sign = "-" if cell.value < 0 else ""
    return sign + _fill_whole(whole, digits) + (f".{fraction}" if fraction else "") + tail


def _split(code: str) -> tuple[list[tuple[str, str]] | None, list[tuple[str, str]] | None]:
    """Tokens before and after the decimal point; None, None for a format that is more than digits and literals."""
    parts: list[list[tuple[str, str]]] = [[], []]
    at = 0
    for match in TOKEN.finditer(code):
        quoted, escaped, digit, point, _, literal, other = match.groups()
        if other is not None:
            return None, None
        if point:
            at = 1
        elif digit:
            parts[at].append(("digit", digit))
        elif (text := quoted or escaped or literal) is not None:
            parts[at].append(("literal", text))
    if not any(kind == "digit" for part in parts for kind, _ in part):
        return None, None
    return parts[0], parts[1]


def _fill_whole(tokens: list[tuple[str, str]], digits: str) -> str:
    """Digits from the right into their places; what is left over stands before the first place."""
    left, out = list(digits if digits != "0" else ""), []
    places = sum(1 for kind, _ in tokens if kind == "digit")
    for kind, sign in reversed(tokens):
        if kind == "literal":
            out.append(sign)
            continue
        places -= 1
        if left:
            out.append(left.pop())
            if places == 0:
                out.extend(reversed(left))
                left = []
        elif sign == "0":
            out.append("0")
    return "".join(reversed(out))


class CodeLosses:
    """Code columns of a sheet whose number cells may have lost zeros, with no format that tells them."""

    def __init__(self, headers: Mapping[str, str], source: Source) -> None:
        codes = source.code_columns()
        self._headers = {name: header for name, header in headers.items() if name in codes}
        self._numbers: dict[str, int] = dict.fromkeys(self._headers, 0)
        self._is_doubtful: dict[str, bool] = dict.fromkeys(self._headers, False)
        self._widths: dict[str, set[int]] = {name: set() for name in self._headers}

    def observe(self, name: str, cell: Any, text: str | None) -> None:
        """One cell of the column, and the text that was made of it."""
        if name not in self._headers or text is None or isinstance(cell, NumberCell):
            return
        self._widths[name].add(len(text))
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            self._numbers[name] += 1
            self._is_doubtful[name] |= isinstance(cell, float)
        elif isinstance(cell, str) and cell.startswith("0"):
            self._is_doubtful[name] = True

    def list_notes(self, sheet: str) -> Iterator[str]:
        """A note per column whose numbers differ in length, have decimals, or stand beside texts with zeros."""
        for name, header in self._headers.items():
            if self._numbers[name] and (self._is_doubtful[name] or len(self._widths[name]) > 1):
                yield (
                    f"{CHECK}sheet {sheet}: {self._numbers[name]} codes in {header!r} ({name}) are numbers without a "
                    f"format: zeros at their beginning or end are lost. Format the column as text at its source"
                )


def write_code(value: Any) -> Any:
    """What to write of a native value in a column of texts; LostDigits where digits are gone."""
    if isinstance(value, date):
        raise LostDigits(A_DATE)
    if isinstance(value, NumberCell):
        require_kept_digits(value.value)
        if (code := show_number(value)) is not None:
            return code
        value = value.value
    if isinstance(value, float):
        require_kept_digits(value)
        # As a spreadsheet shows it: the digits beyond the fifteenth are noise.
        return format(Decimal(format(value, ".15g")), "f")
    return value


def write_percent(cell: NumberCell, decimal_mark: str) -> str | float:
    """A per cent as its cell shows it (`72 %` for 0.72 in the format `0%`); the number in any other format."""
    if "%" not in cell.format:
        return cell.value
    # `0"%"` and `0\%` show 72 for 72 with a sign behind it: only a bare sign multiplies by a hundred.
    scale = 100 if any(match[7] == "%" for match in TOKEN.finditer(cell.format)) else 1
    percent = Decimal(format(Decimal(repr(cell.value)) * scale, ".15g"))
    return format(percent.normalize(), "f").replace(".", decimal_mark) + " %"
