"""Personal-data detectors (docs/domain.md §8), as RE2 patterns that DuckDB runs over stored text.

Whole columns of personal data are never pulled; these catch what slips into free text. A match is
replaced before it is stored, and the row is rejected for it by the suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from pipelines import duck

# Boundaries keep 14-digit timestamps and codes out: they hold phones only as substrings. A phone may
# be glued to a word ("sđt0912345678") or written in groups ("0912 345 678").
DETECTORS: dict[str, str] = {
    "citizen id": r"\b\d{12}\b",
    "phone": r"(?:^|[^0-9])(?:\+?84|0)[35789]\d{8}\b",
    "phone in groups": r"(?:^|[^0-9])0[35789]\d{1,2}[ .]\d{3}[ .]\d{3,4}\b",
    "9-digit id": r"\b\d{9}\b",
    "e-mail": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
}
# A code of nine digits is a code; a phone, a citizen id or an e-mail among codes is a wrong column.
AMONG_CODES = {name: pattern for name, pattern in DETECTORS.items() if name != "9-digit id"}
# Bytes of the shortest match that is no e-mail.
SHORTEST = 9
REMOVED = "‹personal data removed›"


def redacted_sql(expression: str, detectors: Mapping[str, str] = DETECTORS) -> str:
    """SQL: the text with every match replaced; untouched text passes at the price of one match."""
    cleaned = expression
    for pattern in detectors.values():
        # What stands before a phone is no part of it (RE2 has no look-behind): it is put back.
        kept = pattern.replace("(?:^|[^0-9])", "(^|[^0-9])")
        back = "\\1" if kept != pattern else ""
        cleaned = f"regexp_replace({cleaned}, {duck.literal(kept)}, '{back}{REMOVED}', 'g')"
    return f"case when {detected_sql(expression, detectors)} then {cleaned} else {expression} end"


def detected_sql(expression: str, detectors: Mapping[str, str] = DETECTORS) -> str:
    """SQL: whether the text holds personal data."""
    return f"regexp_matches({expression}, {duck.literal('|'.join(detectors.values()))})"


def any_detected_sql(texts: Sequence[str], detectors: Mapping[str, str]) -> str:
    """SQL: whether any of the texts holds personal data, by one match over all of them.

    A line feed between them is neither a word's nor a number's, so nothing is found across two texts
    nor lost at the edge of one. What is shorter than the shortest number can only be an e-mail.
    """
    if not texts:
        return "false"
    long = ", ".join(f"case when strlen({t}) >= {SHORTEST} or contains({t}, '@') then {t} end" for t in texts)
    return detected_sql(f"concat_ws(chr(10), {long})", detectors)


def count_personal_data(con: duckdb.DuckDBPyConnection, relation: str) -> dict[tuple[str, str], int]:
    """(column, detector) → matching rows, over every text column of a stored relation."""
    counts: dict[tuple[str, str], int] = {}
    for name, kind, *_ in con.execute(f"describe from {relation}").fetchall():
        if kind != "VARCHAR":
            continue
        for detector, pattern in DETECTORS.items():
            row = con.execute(
                f"select count(*) from {relation} where regexp_matches({duck.identifier(name)}, ?)",
                [pattern],
            ).fetchone()
            if row and row[0]:
                counts[name, detector] = int(row[0])
    return counts
