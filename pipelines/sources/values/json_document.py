"""A JSON document as its writer meant it: what a parser would decide in silence is an error."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from pipelines.sources.values.cells import MOST_DIGITS
from pipelines.sources.values.native import Number

# Deeper than any export, and shallow enough for whatever walks through it.
MOST_LEVELS = 100
# As it comes of bytes; written out it is an escape.
HALF = re.compile("[\ud800-\udfff]")
TOO_DEEP = "it is nested too deeply: hostile or damaged"


class OutOfRange(ValueError):
    """Nearly JSON, but no export: too deep, a number that nobody counts, a key twice, NaN."""


def check_depth(document: Any) -> None:
    """OutOfRange where lists and objects lie in each other more than `MOST_LEVELS` deep."""
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > MOST_LEVELS:
            raise OutOfRange(TOO_DEEP)
        inner = (
            part.values() if isinstance(part, dict) else part
            for part in level
            if isinstance(part, dict | list)
        )
        level = [value for values in inner for value in values if isinstance(value, dict | list)]


def read_decimal(text: str) -> Decimal:
    """A number as JSON writes it, exactly; OutOfRange where its exponent is one that nobody means."""
    try:
        number = Decimal(text)
        if abs(number.adjusted()) <= MOST_DIGITS:
            return number
    except ArithmeticError:
        pass
    raise OutOfRange(f"it holds a number of more than {MOST_DIGITS} digits")


def parse_json(text: str) -> Any:
    """Numbers keep the digits they were written with.

    ValueError, with line and column where there is one, for what is no JSON (NaN, a text cut short), for a
    key that an object holds twice (RFC 8259 §4 leaves open which of them counts), and beyond any sane depth.
    """
    try:
        document = json.loads(
            text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=refuse_constant,
            object_pairs_hook=make_object,
        )
        check_depth(document)
        check_text(text, document)
        return document
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) - 1
        reason = "it is cut short" if cut else f"no valid JSON at line {error.lineno}, column {error.colno}"
        raise ValueError(f"{reason} ({error.msg})") from None
    except RecursionError:
        raise OutOfRange(TOO_DEEP) from None


def check_text(content: str, document: Any) -> None:
    """OutOfRange where half a character stands there (`\\ud800` without its other half): no file can hold it."""
    if r"\ud" in content.lower() or HALF.search(content):
        try:
            json.dumps(document, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise OutOfRange("it holds half a character (a surrogate without its other half)") from None


def refuse_constant(word: str) -> Any:
    """NaN and Infinity, which Python reads and JSON has not."""
    raise OutOfRange(f"it holds {word}, which is no JSON number")


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """OutOfRange where a key stands twice: a parser would take the last value in silence."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise OutOfRange(
            f"an object holds the key {twice!r:.60} twice: which of its values counts, it does not say"
        )
    return content
