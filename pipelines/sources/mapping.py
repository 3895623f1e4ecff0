"""Raw header → canonical column, by the source's contract; what it does not name is never read.

Matching folds case, accents and spaces *of headers only* (DOMAIN §6: never of data).
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from pipelines.sources.contract import Source
from pipelines.sources.errors import PermanentSourceError


class Mapped(NamedTuple):
    """`columns`: canonical → raw header; `notes`: what was dropped or is absent, for people."""

    columns: dict[str, str]
    notes: tuple[str, ...]


def fold(header: str) -> str:
    """`"Mã  hồ sơ "` → `"mahoso"`."""
    plain = unicodedata.normalize("NFKD", header.casefold().replace("đ", "d"))
    return "".join(c for c in plain if c.isalnum())


def map_columns(source: Source, partition: str, headers: Sequence[str]) -> Mapped:
    """PermanentSourceError where a required column is absent, naming the nearest header."""
    by_fold = {fold(h): h for h in reversed(headers)}
    columns: dict[str, str] = {}
    absent: list[str] = []
    for column in source.columns:
        known = [column.raw, column.name, *column.aliases]
        found = next((by_fold[fold(k)] for k in known if k and fold(k) in by_fold), None)
        if found is not None:
            columns[column.name] = found
        elif column.required:
            near = difflib.get_close_matches(str(column.raw or column.name), headers, 1, 0.5)
            hint = f" The nearest header is {near[0]!r}." if near else ""
            raise PermanentSourceError(
                f"{source.name} {partition}: required column {column.name!r} "
                f"(expected header {column.raw or column.name!r}) is missing.{hint} "
                f"Headers found: {', '.join(map(repr, headers))}. "
                f"Correct `columns.{column.name}` of {source.name} in sources.yaml."
            )
        else:
            absent.append(column.name)
    personal = {fold(raw) for raw in source.personal}
    taken = set(columns.values())
    unknown = [h for h in headers if h not in taken and fold(h) not in personal and fold(h)]
    notes = []
    if unknown:
        notes.append(f"columns not in the contract, dropped: {', '.join(unknown)}")
    if absent:
        notes.append(f"optional columns absent: {', '.join(absent)}")
    return Mapped(columns, tuple(notes))
