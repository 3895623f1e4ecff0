"""Personal-data detectors (DOMAIN §8), as RE2 patterns that DuckDB runs over stored text.

Whole columns of personal data are never pulled; these catch what slips into free text. A match is
replaced before it is stored, and the row is rejected for it by the suite.
"""

from __future__ import annotations

import duckdb

from pipelines import duck

# Word boundaries keep 14-digit timestamps and codes out: they hold phones only as substrings.
DETECTORS: dict[str, str] = {
    "citizen id": r"\b\d{12}\b",
    "phone": r"(?:\+84|\b84|\b0)[35789]\d{8}\b",
    "9-digit id": r"\b\d{9}\b",
    "e-mail": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
}
ANY = "|".join(DETECTORS.values())
REMOVED = "‹personal data removed›"


def redacted(expression: str) -> str:
    """SQL: the text with every match replaced; untouched text passes at the price of one match."""
    pattern = duck.literal(ANY)
    return (
        f"case when regexp_matches({expression}, {pattern}) "
        f"then regexp_replace({expression}, {pattern}, '{REMOVED}', 'g') else {expression} end"
    )


def findings(con: duckdb.DuckDBPyConnection, relation: str) -> dict[tuple[str, str], int]:
    """(column, detector) → matching rows, over every text column of a stored relation."""
    found: dict[tuple[str, str], int] = {}
    for name, kind, *_ in con.execute(f"describe from {relation}").fetchall():
        if kind != "VARCHAR":
            continue
        for detector, pattern in DETECTORS.items():
            row = con.execute(
                f"select count(*) from {relation} where regexp_matches({duck.identifier(name)}, ?)",
                [pattern],
            ).fetchone()
            if row and row[0]:
                found[name, detector] = int(row[0])
    return found
