"""Raw header → canonical column, by the source's contract; what it does not name is never read.

Matching folds case, accents and spaces *of headers only* (docs/domain.md §6: never of data).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from pipelines.privacy.redaction import redact_name
from pipelines.sources.contracts.column import Column
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.names import fold_name, is_same_name
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.files.formats import find_format
from pipelines.sources.values.characters import describe_characters, find_closest_header
from pipelines.sources.values.misread_letters import describe_fonts


class ColumnMapping(NamedTuple):
    """`columns`: canonical → raw header; `notes`: what was dropped or is absent, for people."""

    columns: dict[str, str]
    notes: tuple[str, ...]
    match: HeaderMatch


# Names in one note or error; more are counted.
NAMES_LISTED = 20
LONGEST_NAME = 60


class HeaderMatch(NamedTuple):
    """How headers meet a contract. `columns`: canonical → header; the rest are names on either side.

    Of the columns without a header, `missing` are those that the source cannot do without, `unmatched` those
    whose header sources.yaml names, `absent` those that it calls optional. `clashes`: header wanted → the
    headers that read alike; `personal` and `unknown` are dropped. `is_part`: other parts of the delivery may
    hold what this one lacks, as pages of JSON do.
    """

    headers: tuple[str, ...]
    columns: dict[str, str]
    missing: tuple[str, ...]
    unmatched: tuple[str, ...]
    absent: tuple[str, ...]
    personal: tuple[str, ...]
    unknown: tuple[str, ...]
    clashes: dict[str, tuple[str, ...]]
    is_part: bool = False

    def may_be_record(self, source: Source) -> bool:
        """Whether the first line of a delimited text holds no header of the contract: then it may be a record."""
        is_first_line = source.connector == "files" and find_format(source.format).delimiter is not None
        return is_first_line and not (self.columns or self.clashes or self.personal)


def list_names(names: Sequence[str], *, quote: bool = False) -> str:
    """Headers, sheets or files as a note names them: the first ones, cut, without what looks personal."""
    safe = [redact_name(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…") for name in names]
    listed = [repr(name) if quote else name for name in safe[:NAMES_LISTED]]
    more = len(names) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more > 0 else "")


def match_headers(source: Source, headers: Sequence[str], *, is_part: bool = False) -> HeaderMatch:
    """Pure: nothing is raised, so that a check can tell everything at once."""
    by_fold: dict[str, list[str]] = {}
    for header in headers:
        by_fold.setdefault(fold_name(header), []).append(header)
    columns: dict[str, str] = {}
    clashes: dict[str, tuple[str, ...]] = {}
    # Milestones give a table its log. One whose column is not there would be a step that no dossier ever took.
    derived = set(source.step_columns or ())
    needed = {c.name for c in source.columns if c.required} - derived | set(source.milestones)
    for column in source.columns:
        alike = (
            [h for h in by_fold.get(fold_name(name), ()) if is_same_name(h, name)] for name in column.headers
        )
        fitting = next(filter(None, alike), [])
        exact = [h for h in fitting if h in column.headers]
        if len(fitting) > 1 and len(exact) != 1:
            clashes[column.name] = tuple(fitting)
        elif fitting:
            columns[column.name] = (exact or fitting)[0]
    open_ = [c for c in source.columns if c.needs_header and c.name not in columns and c.name not in clashes]
    personal = {fold_name(raw) for raw in source.personal}
    used = {*columns.values(), *(header for clash in clashes.values() for header in clash)}
    rest = [h for h in dict.fromkeys(headers) if h not in used and fold_name(h)]
    return HeaderMatch(
        headers=tuple(headers),
        columns=columns,
        missing=tuple(c.name for c in open_ if c.name in needed),
        unmatched=tuple(c.name for c in open_ if c.name not in needed and not _is_optional(source, c)),
        absent=tuple(c.name for c in open_ if c.name not in needed and _is_optional(source, c)),
        personal=tuple(h for h in rest if fold_name(h) in personal),
        unknown=tuple(h for h in rest if fold_name(h) not in personal),
        clashes=clashes,
        is_part=is_part,
    )


def join_matches(matches: Sequence[HeaderMatch]) -> HeaderMatch:
    """Several sheets, files or pages as one: a header counts as unknown only where none of them maps it.

    What sources.yaml names must be in each of them, where they are not pages of one delivery.
    """
    first, *others = matches
    for other in others:
        everywhere = [n for n in first.unmatched if n in other.unmatched]
        anywhere = dict.fromkeys((*first.unmatched, *other.unmatched))
        columns = first.columns | other.columns
        first = first._replace(
            headers=tuple(dict.fromkeys((*first.headers, *other.headers))),
            columns=columns,
            missing=tuple(dict.fromkeys((*first.missing, *other.missing))),
            unmatched=tuple(everywhere if first.is_part else anywhere),
            absent=tuple(n for n in first.absent if n in other.absent),
            personal=tuple(dict.fromkeys((*first.personal, *other.personal))),
            unknown=tuple(
                h for h in dict.fromkeys((*first.unknown, *other.unknown)) if h not in columns.values()
            ),
            clashes=first.clashes | other.clashes,
        )
    return first


def _is_optional(source: Source, column: Column) -> bool:
    """Whether a delivery may come without the column's header; one that is a constant has none."""
    is_constant = column.raw is None and (column.default is not None or source.is_reference)
    return column.optional or is_constant or source.omits_empty or source.drift.absent_column != "fail"


class _Observer(NamedTuple):
    matches: list[HeaderMatch]
    is_lenient: bool


_observer: ContextVar[_Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observe_matches(*, is_lenient: bool = False) -> Iterator[list[HeaderMatch]]:
    """What connectors meet while inside; where `is_lenient`, what does not fit is not raised."""
    observer = _Observer([], is_lenient)
    token = _observer.set(observer)
    try:
        yield observer.matches
    finally:
        _observer.reset(token)


def observes_matches() -> bool:
    """Whether a check looks on: then a missing column is told, not raised."""
    observer = _observer.get()
    return observer is not None and observer.is_lenient


def map_columns(
    source: Source, partition: str, headers: Sequence[str], *, is_part: bool = False
) -> ColumnMapping:
    """PermanentSourceError where a column is not there, two headers read alike, or drift may not be.

    `is_part`: whether every column is there is asked of all parts together, by `check_absence`.
    """
    match = match_headers(source, headers, is_part=is_part)
    observer = _observer.get()
    if observer is not None:
        if observer.is_lenient or not is_part:
            observer.matches.append(match)
        if observer.is_lenient:
            return ColumnMapping(match.columns, (), match)
    safe_headers = [] if match.may_be_record(source) else headers
    faults = [_describe_missing(source, name, safe_headers) for name in match.missing]
    faults += describe_drift(source, match)
    notes: list[str] = []
    if match.unknown and source.drift.extra_column == "warn":
        notes.append(f"columns not in the contract, dropped: {list_names(match.unknown)}")
    if not is_part:
        faults += _describe_unmatched(source, match if safe_headers else match._replace(unknown=()))
        notes += _note_absence(source, match)
    _refuse(source, partition, match, faults)
    return ColumnMapping(match.columns, tuple(notes), match)


def describe_drift(source: Source, match: HeaderMatch) -> list[str]:
    """Faults of headers that read alike, and of those that the contract does not name where it forbids them."""
    faults = [
        f"the headers {list_names(clash, quote=True)} read alike, and both fit {name!r}. "
        f"Rename one of them, or write the header exactly as `raw` of `columns.{name}` in sources.yaml."
        for name, clash in match.clashes.items()
    ]
    if match.unknown and source.drift.extra_column == "fail":
        is_safe = not match.may_be_record(source)
        names = f"columns not in the contract, dropped: {list_names(match.unknown)}"
        text = names if is_safe else "the first line holds columns not in the contract"
        faults.append(f"{text}; `drift` of {source.name} in sources.yaml forbids it.")
    return faults


def check_absence(source: Source, partition: str, matches: Sequence[HeaderMatch]) -> tuple[str, ...]:
    """Notes on the columns that no part of the delivery has; PermanentSourceError where one must be there."""
    observer = _observer.get()
    if not matches or (observer is not None and observer.is_lenient):
        return ()
    match = join_matches(matches)
    if observer is not None:
        observer.matches.append(match)
    _refuse(source, partition, match, _describe_unmatched(source, match))
    return tuple(_note_absence(source, match))


def _refuse(source: Source, partition: str, match: HeaderMatch, faults: Sequence[str]) -> None:
    """PermanentSourceError where there are faults; a line that may be a record is not repeated."""
    if not faults:
        return
    present = f"Headers found: {list_names(match.headers, quote=True)}."
    if match.may_be_record(source):
        present = (
            f"None of the {len(match.headers)} cells of the first line is a header of the contract: is the line of "
            "headers there? It is not repeated here, since it may be a record."
        )
    if len(match.headers) == 1 and any(sign in match.headers[0] for sign in ",;|\t"):
        present += (
            " All of it is one cell: where each line stands in quotes as a whole, ask for an export without."
        )
    fonts = describe_fonts(match.headers)
    first = f"{fonts}. " if fonts else ""
    raise PermanentSourceError(f"{source.name} {partition}: {first}{' '.join(faults)} {present}")


def _note_absence(source: Source, match: HeaderMatch) -> list[str]:
    is_noted = bool(match.absent) and source.drift.absent_column != "ignore"
    return [f"optional columns absent: {', '.join(match.absent)}"] if is_noted else []


def _describe_missing(source: Source, name: str, headers: Sequence[str]) -> str:
    column = next(c for c in source.columns if c.name == name)
    return (
        f"required column {name!r} (expected header {column.raw or name!r}) is missing."
        f"{suggest_header(column, headers)} Correct `columns.{name}` of {source.name} in sources.yaml."
    )


def _describe_unmatched(source: Source, match: HeaderMatch) -> list[str]:
    columns = {c.name: c for c in source.columns}
    free = (*match.unknown, *match.personal)
    return [
        f"column {name!r} (header {columns[name].raw or name!r}) is not there."
        f"{suggest_header(columns[name], free)} Correct `columns.{name}` of {source.name} in sources.yaml; where "
        f"the source may come without it, say `optional: true` there."
        for name in match.unmatched
    ]


def suggest_header(column: Column, headers: Sequence[str]) -> str:
    """` The nearest header is 'Hạn', …`, with the signs named that only look like others; or nothing."""
    near = find_closest_header(column.raw or column.name, headers)
    if near is None:
        return ""
    signs = describe_characters(near)
    return f" The nearest header is {redact_name(near)!r}{f', which has {signs}' if signs else ''}."
