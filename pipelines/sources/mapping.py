"""Raw header → canonical column, by the source's contract; what it does not name is never read.

Matching folds case, accents and spaces *of headers only* (docs/domain.md §6: never of data).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.names import find_closest, fold_name
from pipelines.sources.errors import PermanentSourceError

__all__ = ["ColumnMapping", "HeaderMatch", "map_columns", "match_headers", "observe_matches"]


class ColumnMapping(NamedTuple):
    """`columns`: canonical → raw header; `notes`: what was dropped or is absent, for people."""

    columns: dict[str, str]
    notes: tuple[str, ...]


class HeaderMatch(NamedTuple):
    """How headers meet a contract. `columns`: canonical → header; the rest are names on either side.

    `clashes`: header wanted → the headers that read alike; `personal` and `unknown` are dropped.
    """

    headers: tuple[str, ...]
    columns: dict[str, str]
    missing: tuple[str, ...]
    absent: tuple[str, ...]
    personal: tuple[str, ...]
    unknown: tuple[str, ...]
    clashes: dict[str, tuple[str, ...]]


def match_headers(source: Source, headers: Sequence[str]) -> HeaderMatch:
    """Pure: nothing is raised, so that a check can tell everything at once."""
    by_fold: dict[str, list[str]] = {}
    for header in headers:
        by_fold.setdefault(fold_name(header), []).append(header)
    columns: dict[str, str] = {}
    clashes: dict[str, tuple[str, ...]] = {}
    # Milestones give a table its log. One whose column is not there would be a step that no dossier ever took.
    derived = {"recorded_at", "status_code"} if source.milestones else set()
    needed = {c.name for c in source.columns if c.required} - derived | set(source.milestones)
    for column in source.columns:
        fitting = next((by_fold[fold_name(h)] for h in column.headers if by_fold.get(fold_name(h))), [])
        exact = [h for h in fitting if h in column.headers]
        if len(fitting) > 1 and len(exact) != 1:
            clashes[column.name] = tuple(fitting)
        elif fitting:
            columns[column.name] = (exact or fitting)[0]
    open_ = [c for c in source.columns if c.mapped and c.name not in columns and c.name not in clashes]
    personal = {fold_name(raw) for raw in source.personal}
    used = {*columns.values(), *(header for clash in clashes.values() for header in clash)}
    rest = [h for h in dict.fromkeys(headers) if h not in used and fold_name(h)]
    return HeaderMatch(
        headers=tuple(headers),
        columns=columns,
        missing=tuple(c.name for c in open_ if c.name in needed),
        absent=tuple(c.name for c in open_ if c.name not in needed),
        personal=tuple(h for h in rest if fold_name(h) in personal),
        unknown=tuple(h for h in rest if fold_name(h) not in personal),
        clashes=clashes,
    )


_observer: ContextVar[list[HeaderMatch] | None] = ContextVar("observer", default=None)


@contextmanager
def observe_matches() -> Iterator[list[HeaderMatch]]:
    """What connectors meet while inside; then a missing column is told, not raised."""
    seen: list[HeaderMatch] = []
    token = _observer.set(seen)
    try:
        yield seen
    finally:
        _observer.reset(token)


def observes_matches() -> bool:
    """Whether a check looks on: then a missing column is told, not raised."""
    return _observer.get() is not None


def map_columns(source: Source, partition: str, headers: Sequence[str]) -> ColumnMapping:
    """PermanentSourceError where a required column is absent, two headers read alike, or drift may not be."""
    match = match_headers(source, headers)
    seen = _observer.get()
    if seen is not None:
        seen.append(match)
        return ColumnMapping(match.columns, ())
    faults = [_describe_missing(source, name, headers) for name in match.missing]
    faults += [
        f"the headers {', '.join(map(repr, clash))} read alike, and both fit {name!r}. "
        f"Rename one of them, or write the header exactly as `raw` of `columns.{name}` in sources.yaml."
        for name, clash in match.clashes.items()
    ]
    notes: list[str] = []
    for mode, names, text in (
        (source.drift.extra_column, match.unknown, "columns not in the contract, dropped"),
        (source.drift.absent_column, match.absent, "optional columns absent"),
    ):
        if names and mode == "fail":
            faults.append(f"{text}: {', '.join(names)}; `drift` of {source.name} in sources.yaml forbids it.")
        elif names and mode == "warn":
            notes.append(f"{text}: {', '.join(names)}")
    if faults:
        raise PermanentSourceError(
            f"{source.name} {partition}: {' '.join(faults)} Headers found: {', '.join(map(repr, headers))}."
        )
    return ColumnMapping(match.columns, tuple(notes))


def _describe_missing(source: Source, name: str, headers: Sequence[str]) -> str:
    column = next(c for c in source.columns if c.name == name)
    near = find_closest(column.raw or name, headers)
    hint = f" The nearest header is {near!r}." if near else ""
    return (
        f"required column {name!r} (expected header {column.raw or name!r}) is missing.{hint} "
        f"Correct `columns.{name}` of {source.name} in sources.yaml."
    )
