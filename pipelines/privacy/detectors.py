"""Personal data in stored text, as SQL: a pattern lets by what cannot hold any, `redaction` looks at the rest.

Whole columns of personal data are never pulled; this catches what slips into texts. A match is replaced before it
is stored, and the row is rejected for it by the suite. A connection needs `register_detectors` first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.privacy.numbers import ODD_GROUPS
from pipelines.privacy.redaction import ENCODED_AT, REMOVED, find_personal_data, redact_code, redact_text

__all__ = ["CODES", "FREE_TEXT", "REMOVED", "VALUES", "Scan", "any_candidate_sql", "count_personal_data",
           "detected_sql", "redacted_each_sql", "redacted_sql", "register_detectors"]  # fmt: skip

# Nine digits or more with signs between them that are neither letters nor part of a moment; digits of other scripts;
# an @ in any form; a letter with seven digits (a passport). Classes are short: RE2 builds its states from their bytes.
_UNSEEN = (
    r"\x{AD}\x{34F}\x{61C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2069}\x{FEFF}\x{FE0F}\x{20E3}"
)
_SIGNS = (
    rf"[ \t.\-()_+\x{{A0}}\x{{B7}}\x{{2000}}-\x{{2027}}\x{{202F}}\x{{205F}}\x{{2212}}\x{{3000}}\x{{FE58}}\x{{FE63}}"
    rf"\x{{FF08}}\x{{FF09}}\x{{FF0D}}-\x{{FF0F}}{_UNSEEN}]*"
)
_OTHER_DIGITS = r"[^\P{Nd}0-9]|\p{No}"
_AT_SIGN = rf"[@＠﹫]|{ENCODED_AT}"
_AT = rf"{_AT_SIGN}|(?i:[\s(\[{{<]at[\s)\]}}>]|a c[oò]|a m[oó])"
_IN_GROUPS = rf"(?:[0-9oO]{_SIGNS}){{8}}[0-9]"
# A slash stands in every date: between the groups of a telephone only where they are none.
_WITH_SLASH = (
    rf"[0-9]{{3,5}}\)?/{_SIGNS}(?:[0-9][/]?{_SIGNS}){{5}}[0-9]"
    r"|0[0-9]/[0-9]{4}/[0-9]{4}|(?:[0-9]{2}/){4}[0-9]{2}"
)
_UNBROKEN = rf"(?:[0-9][{_UNSEEN}]*){{9}}[0-9]"
_PASSPORT = rf"[A-Z]{_SIGNS}(?:[0-9]{_SIGNS}){{6}}[0-9]|(?i:hộ chiếu|passport|ho chieu)"
# A day with or without its hour: so most texts of a column of times look, and nothing else is asked of them. Fourteen
# digits with no sign between them are nobody's number.
MOMENT = (
    r"\s*(?:(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"
    r"(?:[T ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|SA|CH|AM|PM|[+-]\d{2}:?\d{2})?)?"
    r"|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)\s*"
)
# Bytes of the shortest text that can hold any: a@b.vn.
SHORTEST = 6


class Scan(NamedTuple):
    """How a column is looked at. `candidate`: RE2 pattern of what may hold any; `function`: its name in SQL."""

    candidate: str
    function: str


FREE_TEXT = Scan(
    rf"{_IN_GROUPS}|{ODD_GROUPS}|{_WITH_SLASH}|{_PASSPORT}|{_OTHER_DIGITS}|{_AT}", "redact_personal_text"
)
# In a code digits in groups count only where they are the whole of it.
CODES = Scan(
    rf"{_UNBROKEN}|^{_SIGNS}(?:[0-9]{_SIGNS}){{9,15}}$|{_OTHER_DIGITS}|{_AT_SIGN}", "redact_personal_code"
)
# A typed or mapped column: any text may stand there, but most are moments.
VALUES = Scan(*FREE_TEXT)
_FUNCTIONS: dict[str, Callable[[str], str]] = {FREE_TEXT.function: redact_text, CODES.function: redact_code}


def register_detectors(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The functions that the SQL below calls, in this connection and its cursors; twice changes nothing."""
    for name, function in _FUNCTIONS.items():
        try:
            con.create_function(name, function, ["VARCHAR"], "VARCHAR")
        except (duckdb.CatalogException, duckdb.NotImplementedException):
            return con
    return con


def redacted_sql(expression: str, scan: Scan = FREE_TEXT) -> str:
    """SQL: the text with every match replaced; most texts pass at the price of one pattern."""
    return f"case when {_candidate_sql(expression, scan)} then {scan.function}({expression}) else {expression} end"


def redacted_each_sql(expression: str, scan: Scan) -> str:
    """SQL: the text with every match replaced, without a pattern before it, which overlooks some that a slash divides.

    For texts that are few by then: to compile the pattern costs a small statement more than to look at each of them.
    """
    is_long = _is_long_enough_sql(expression, scan)
    return f"case when {is_long} then {scan.function}({expression}) else {expression} end"


def detected_sql(expression: str, scan: Scan = FREE_TEXT) -> str:
    """SQL: whether the text holds personal data."""
    differs = f"{scan.function}({expression}) <> {expression}"
    return f"case when {_candidate_sql(expression, scan)} then {differs} else false end"


def any_candidate_sql(texts: Sequence[str], scan: Scan) -> str:
    """SQL: whether any of the texts may hold personal data, by one match over all of them.

    A line with a bar between them keeps digits apart, so nothing is found across two texts nor lost at an edge.
    """
    if not texts:
        return "false"
    # The pattern stands there once for all texts: a small batch costs what it takes to plan its statement.
    is_long = f"case when {_is_long_enough_sql('_text', scan)} then true else false end"
    joined = f"array_to_string(list_filter([{', '.join(texts)}], lambda _text: {is_long}), chr(10) || '|' || chr(10))"
    # Each code is a line of its own.
    return f"regexp_matches({joined}, {duck.literal(f'(?m){scan.candidate}')})"


def _candidate_sql(text: str, scan: Scan) -> str:
    matches = f"regexp_matches({text}, {duck.literal(scan.candidate)})"
    return f"({_is_long_enough_sql(text, scan)} and {matches})"


def _is_long_enough_sql(text: str, scan: Scan) -> str:
    is_long = f"strlen({text}) >= {SHORTEST}"
    return (
        is_long
        if scan is not VALUES
        else f"{is_long} and not regexp_full_match({text}, {duck.literal(MOMENT)})"
    )


def count_personal_data(con: duckdb.DuckDBPyConnection, relation: str) -> dict[tuple[str, str], int]:
    """(column, kind) → matching rows, over every text column of a stored relation."""
    register_detectors(con)
    counts: dict[tuple[str, str], int] = {}
    for name, kind, *_ in con.execute(f"describe from {relation}").fetchall():
        if kind != "VARCHAR":
            continue
        cell = duck.identifier(name)
        rows = con.execute(
            f"select {cell}, count(*) from {relation} where {detected_sql(cell)} group by all"
        ).fetchall()
        for text, count in rows:
            for detector in {find[0] for find in find_personal_data(text)}:
                counts[name, detector] = counts.get((name, detector), 0) + int(count)
    return counts
