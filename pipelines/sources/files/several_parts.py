"""What can only be told of a delivery of several sheets or files: scales that differ, a copy, parts at a limit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import duckdb

from pipelines.sources.contracts.contract import Source
from pipelines.sources.notes import CHECK
from pipelines.sources.values.parsing import unsigned_number_sql

# What systems add to the name of a copy, in English and Vietnamese: `t - Copy.csv`, `t (1).csv`, `Bản sao của t.csv`.
COPY = re.compile(
    r"(?i)^(copy of|bản sao( của)?)\s+|\s*-\s*(copy|sao chép|bản sao)(\s*\(\d+\))?$"
    r"|\s*\(\d+\)$|[ _-]+(copy|bak|old|cũ)$"
)
MOST_NAMES = 10
# Portals, tools and queries stop at a round number of rows; a sheet of .xls and .xlsx at these, a header aside.
ROUND, LEAST_ROUND = 100, 1_000
SHEET_ROWS = (65_536, 1_048_576)
HEADER_ROWS = 6


class DeliveryPart(NamedTuple):
    """One sheet or file: its name for people, canonical column → SQL over `select`."""

    label: str
    columns: Mapping[str, str]
    select: str


def note_mixed_scales(
    con: duckdb.DuckDBPyConnection, source: Source, parts: Sequence[DeliveryPart]
) -> Iterator[str]:
    """A note for per cents without a sign that are nothing but 0 and 1 in one part, and whole numbers in another.

    Within one part such numbers have no value (`has_unknown_scale_sql`); all together they pass for whole ones.
    """
    for column in source.columns:
        there = [part for part in parts if column.name in part.columns]
        if column.type != "percent" or column.percent_scale or column.meanings or len(there) < 2:
            continue
        largest = {part.label: _find_largest(con, source, part, column.name) for part in there}
        fractions = [label for label, number in largest.items() if number == 1]
        if fractions and any((number or 0) > 1 for number in largest.values()):
            yield (
                f"{CHECK}the numbers without a % sign in {column.raw or column.name!r} are 0 and 1 alone in "
                f"{', '.join(map(repr, fractions[:MOST_NAMES]))}, and larger elsewhere: there 1 may be 100 %, and is "
                f"read as 1 %. Ask for the % sign"
            )


def _find_largest(
    con: duckdb.DuckDBPyConnection, source: Source, part: DeliveryPart, name: str
) -> float | None:
    number = unsigned_number_sql(source, "trim(_text)")
    row = con.execute(
        f"select max({number}) from (select {part.columns[name]} as _text from ({part.select}))"
    ).fetchone()
    return row[0] if row else None


def note_capped_parts(con: duckdb.DuckDBPyConnection, parts: Sequence[DeliveryPart]) -> Iterator[str]:
    """A doubt where parts end exactly at a limit of an exporter; together they have another number of rows.

    Pieces of one export that was cut on purpose are as long as each other, but for one.
    """
    if len(parts) < 2:
        return
    counts = [(part.label, count_rows(con, part.select)) for part in parts]
    largest = max(count for _, count in counts)
    capped = [label for label, count in counts if count == largest]
    is_cap = is_row_limit(largest) or (
        largest > 0 and largest % ROUND == 0 and (largest >= LEAST_ROUND or len(capped) > 1)
    )
    if is_cap and not (len(capped) == len(parts) - 1 and are_pieces([label for label, _ in counts])):
        listed = ", ".join(map(repr, capped[:MOST_NAMES])) + (" …" if len(capped) > MOST_NAMES else "")
        yield (
            f"{CHECK}{len(capped)} of {len(parts)} parts end after exactly {largest} rows ({listed}), as exports do "
            f"that stop at a limit: look there for rows that are missing, and ask for the rest"
        )


def count_rows(con: duckdb.DuckDBPyConnection, select: str) -> int:
    row = con.execute(f"select count(*) from ({select})").fetchone()
    return int(row[0]) if row else 0


def is_row_limit(count: int) -> bool:
    """Whether a sheet with so many records below its header is full."""
    return any(limit - HEADER_ROWS <= count <= limit for limit in SHEET_ROWS)


def are_pieces(labels: Sequence[str]) -> bool:
    """Whether names differ in a number that counts them, from 0 or 1 on, and in nothing else."""
    stems = {re.sub(r"\d+", "#", label) for label in labels}
    numbers = [tuple(map(int, re.findall(r"\d+", label))) for label in labels]
    different = {len(set(place)) for place in zip(*numbers, strict=False)} - {1}
    if len(stems) > 1 or different != {len(labels)}:
        return False
    counted = [sorted(place) for place in zip(*numbers, strict=True) if len(set(place)) > 1]
    return any(place in (list(range(len(labels))), list(range(1, len(labels) + 1))) for place in counted)


def note_files(names: Sequence[str]) -> Iterator[str]:
    """Which exports were read together; a doubt where one is called a copy of another, or of an older folder."""
    if len(names) < 2:
        return
    listed = ", ".join(map(repr, names[:MOST_NAMES])) + (" …" if len(names) > MOST_NAMES else "")
    yield f"read together from {len(names)} files: {listed}"
    for name in names:
        original = next((other for other in names if other != name and _is_copy(name, other)), None)
        if original:
            yield (
                f"{CHECK}{name!r} was read together with {original!r}, and is called like a copy or an older version "
                f"of it: what it holds was added. Take it away, or let `path` (`members` of an archive) not fit it"
            )


def _is_copy(name: str, other: str) -> bool:
    """Whether `name` is `other` with the mark of a copy, or stands in a folder below `other` under its name."""
    one, two = (PurePosixPath(n.partition("!")[2] or n) for n in (name, other))
    if one.name == two.name and name.partition("!")[0] == other.partition("!")[0]:
        return len(one.parts) > len(two.parts)
    stem = COPY.sub("", one.stem).strip()
    return stem != one.stem and stem == two.stem and one.suffix == two.suffix
