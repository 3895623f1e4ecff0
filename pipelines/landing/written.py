"""What is asked of a batch's rows once they are written; where days were gathered, of many batches at once first."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from pipelines.landing.controls import has_lost_sql, note_lost_letters
from pipelines.landing.date_mixtures import check_date_mixtures, find_mixed_days
from pipelines.landing.drift import KINDS, check_drift, find_drifting_days
from pipelines.landing.gathered import TABLE, BatchContent, GatheredTable
from pipelines.landing.repeated_keys import find_alike_days, note_alike_codes
from pipelines.landing.rounded_codes import has_long_sql, list_codes, note_rounded_codes
from pipelines.sources.contracts.contract import Source

# Checks by what they are called here; each kind of drift is one more.
MIXED, ALIKE, ROUNDED, LOST = "mixed dates", "alike codes", "rounded codes", "lost letters"


def check_values(
    con: duckdb.DuckDBPyConnection, source: Source, partition: str, out: Path, content: BatchContent
) -> tuple[str, ...]:
    """Notes on the values in the file; DeliveryRefused where they cannot be trusted, or the contract forbids them."""
    mixed = check_date_mixtures(con, source, partition, out) if content.needs(MIXED) else ()
    drift = [kind for kind in KINDS if content.needs(kind)]
    return mixed + (check_drift(con, source, partition, out, drift) if drift else ())


def note_codes(
    con: duckdb.DuckDBPyConnection, source: Source, out: Path, content: BatchContent
) -> tuple[str, ...]:
    """Notes on codes that are written in two ways, or were held as numbers."""
    alike = note_alike_codes(con, source, out) if content.needs(ALIKE) else ()
    return alike + (note_rounded_codes(con, source, out) if content.needs(ROUNDED) else ())


def note_letters(con: duckdb.DuckDBPyConnection, out: Path, content: BatchContent) -> tuple[str, ...]:
    """A note where letters are gone."""
    return note_lost_letters(con, out) if content.needs(LOST) else ()


def choose_checks(
    con: duckdb.DuckDBPyConnection, source: Source, table: GatheredTable
) -> list[Collection[str]]:
    """Of each day of the table the checks that have to look at its batch; the others would find nothing."""
    days = {
        MIXED: find_mixed_days(con, source, table),
        **find_drifting_days(con, source, table),
        ALIKE: find_alike_days(con, source, table),
        ROUNDED: _select_days(con, " or ".join(map(has_long_sql, list_codes(source, table.names)))),
        LOST: _select_days(con, f"bool_or({has_lost_sql(table.names)})"),
    }
    return [{check for check in days if n in days[check]} for n in range(len(table.starts))]


def _select_days(con: duckdb.DuckDBPyConnection, condition: str) -> set[int]:
    """Days whose rows together fulfil the condition, an aggregate; none for an empty one."""
    if not condition:
        return set()
    return {
        int(day)
        for (day,) in con.execute(f"select _day from {TABLE} group by 1 having {condition}").fetchall()
    }
