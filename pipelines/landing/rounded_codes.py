"""Long codes that end in zeros alone: a program held them as floating-point numbers before the file was written.

JavaScript writes seventeen digits of such a number and zeros behind them, a spreadsheet fifteen: 1234567890123456789
arrives as 1234567890123456800 or 1234567890123450000, and two codes may have become one.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing.batches import list_columns
from pipelines.sources.contracts.contract import Source
from pipelines.sources.notes import CHECK, EXAMPLES

DIGITS_KEPT = (15, 17)
DIGITS = r"[1-9]\d+"
# One zero at the end is a chance of one in ten, two of one in a hundred.
ENOUGH_ZEROS = 2


def note_rounded_codes(con: duckdb.DuckDBPyConnection, source: Source, batch: Path) -> tuple[str, ...]:
    """A note for each column whose codes of more digits than a floating-point number keeps all end in zeros."""
    present = set(list_columns(batch))
    notes = []
    for name in _list_long(con, list_codes(source, present), batch):
        cell = duck.identifier(name)
        codes = f"select distinct {cell} as code from read_parquet({duck.literal(batch)})"
        for digits in DIGITS_KEPT:
            row = con.execute(
                f"select count(*), coalesce(bool_and(ltrim(substr(code, {digits + 1}), '0') = ''), false), "
                f"sum(length(code) - {digits}), min(code) from ({codes}) "
                f"where length(code) > {digits} and regexp_full_match(code, '{DIGITS}')"
            ).fetchone()
            if row and row[1] and row[2] >= ENOUGH_ZEROS:
                notes.append(
                    f"{CHECK}{row[0]} codes in {name} have more than {digits} digits, and nothing but zeros behind "
                    f"these: a program held them as numbers and lost the rest. Let the source give them as text"
                    f"{EXAMPLES}{row[3]!r}"
                )
                break
    return tuple(notes)


def list_codes(source: Source, present: Collection[str]) -> list[str]:
    """The columns of codes among those that are there."""
    return [c.name for c in source.columns if c.name in source.code_columns() and c.name in present]


def _list_long(con: duckdb.DuckDBPyConnection, names: list[str], batch: Path) -> list[str]:
    """Those of the columns that hold a number of more than the fewest digits; hardly ever one."""
    if not names:
        return []
    has_long = ", ".join(map(has_long_sql, names))
    answers = con.execute(f"select {has_long} from read_parquet({duck.literal(batch)})").fetchone() or ()
    return [name for name, is_long in zip(names, answers, strict=True) if is_long]


def has_long_sql(name: str) -> str:
    """SQL aggregate: whether a text of the column is a number of more digits than the fewest that are kept."""
    cell = duck.identifier(name)
    # The text is looked at letter by letter only where its first one and its length let it be one.
    may_be = f"{cell} >= '1' and {cell} < ':' and length({cell}) > {min(DIGITS_KEPT)}"
    return f"bool_or(case when {may_be} then regexp_full_match({cell}, '{DIGITS}') end)"
