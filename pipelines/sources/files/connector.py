"""Files people export, read as text, typed later by contract. Here: which files make a batch, and how their
tables become one relation; a module per format (`formats`) knows how a file is read.

Only mapped columns get past a reader; personal and unknown ones are dropped there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused, FileRefused, NotProvided, PermanentSourceError
from pipelines.sources.files import inbox, unpacking
from pipelines.sources.files.failures import refuse_after_copy, refuse_export
from pipelines.sources.files.file_set import SourceFile, find_files, has_file, require_unchanged
from pipelines.sources.files.formats import find_format
from pipelines.sources.files.formats.fragment import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.several_parts import (
    DeliveryPart,
    note_capped_parts,
    note_files,
    note_mixed_scales,
)
from pipelines.sources.files.streams import register_streams
from pipelines.sources.files.unpacking import Member, open_plain
from pipelines.sources.mapping import HeaderMatch, check_absence, map_columns
from pipelines.sources.relation import Relation, refuse_the_past
from pipelines.sources.values.list_rest import describe_rest

# What a contract may name as `raw` to keep where a row came from.
FILE_HEADER = "_file"
# More than any workbook has (16,384), and few enough for whatever reads them.
MOST_COLUMNS = 20_000
NOTHING = "cast(null as varchar)"


class MappedFragment(NamedTuple):
    """`columns`: canonical → SQL over `select`, itself a query of text columns; `notes`: for people."""

    member: Member
    columns: Mapping[str, str]
    select: str
    notes: list[str]
    match: HeaderMatch
    sheet: str


@contextmanager
def pull(
    source: Source,
    partition: date,
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    *,
    validator: str = "",
    leave_out: Collection[str] = (),
) -> Iterator[Relation]:
    """The files of this day as text columns.

    NotProvided where the day has none, FileRefused where one cannot be read or mapped, or where who pulls
    refuses what was read. `validator` is not asked: files that were counted are known by their SHA-256.
    """
    # One path for every day tells how things stand now, but for a log that tells of every day.
    is_one_path = not source.inbox and not has_path_per_day(source)
    if source.partitioning != "change_day" and is_one_path and not source.holds_history():
        refuse_the_past(source, partition)
    files = find_files(source, partition, settings, leave_out)
    if not files:
        raise NotProvided(
            f"{source.name} {partition}: no file {_describe_path(source, partition, settings)}."
        )
    by_path = {str(file.path): file for file in files}
    with register_streams(con) as streams:
        session = ReadSession(source, con, streams, {path: f.unclean for path, f in by_path.items()})
        try:
            with session.resources:
                relation = _build_relation(session, partition, files)
                try:
                    yield relation
                except DeliveryRefused as error:
                    # Of files that are being written to, nothing can be said yet.
                    require_unchanged(source, partition, files)
                    raise FileRefused(str(error), {file.path: file.sha256 for file in files}) from None
        except Unreadable as error:
            raise refuse_export(source, partition, error.member, str(error), by_path) from None
        except duckdb.OutOfMemoryException:
            raise  # it is no fault of the file
        except (duckdb.Error, ValueError, OSError) as error:
            raise refuse_after_copy(session, partition, error, by_path) from None
    require_unchanged(source, partition, files)


def expects_delivery(source: Source, partition: date, settings: Settings) -> bool:
    """A delivery that is a file is expected only where the file exists."""
    if source.inbox or has_path_per_day(source):
        return has_file(source, partition, settings)
    return True


def find_newest_delivery(source: Source, settings: Settings) -> date | None:
    """The newest day for which a file lies ready; None where neither path nor inbox tells."""
    if source.inbox:
        ready = inbox.list_ready(source, settings)
        return max((inbox.read_day(source, path) for path in ready), default=None)
    if not has_path_per_day(source):
        return None
    pattern = source.resolved_path(settings.data, "*")
    before, _, after = pattern.name.partition("*")
    days = []
    for path in pattern.parent.glob(pattern.name):
        try:
            days.append(date.fromisoformat(path.name.removeprefix(before).removesuffix(after)))
        except ValueError:
            continue
    return max(days, default=None)


def has_path_per_day(source: Source) -> bool:
    """Whether every day has a file of its own, by its path."""
    return "{partition}" in str(source.path)


def _build_relation(session: ReadSession, partition: date, files: list[SourceFile]) -> Relation:
    """All fragments one below the other, in the order of the files' names."""
    fragments = [
        _map_fragment(session, partition, fragment, file)
        for fragment, file in _read_fragments(session, files)
    ]
    if not fragments:
        raise Unreadable(
            _whole_file(files[0]),
            "it holds no records; an empty export cannot be told from a broken one",
        )
    _require_total(session)
    matches = [fragment.match for fragment in fragments if fragment.match.is_part]
    try:
        notes = check_absence(session.source, str(partition), matches)
    except PermanentSourceError as error:
        raise FileRefused(str(error), {file.path: file.sha256 for file in files}) from None
    names = list(dict.fromkeys(name for fragment in fragments for name in fragment.columns))
    selects = []
    for fragment in fragments:
        texts = (f"{fragment.columns.get(name, NOTHING)} as {duck.identifier(name)}" for name in names)
        selects.append(f"select {', '.join(texts)} from ({fragment.select})")
    return Relation(
        sql=f"({' union all '.join(selects)})",
        columns={name: duck.identifier(name) for name in names},
        origin="; ".join(file.origin for file in files),
        notes=(*_join_notes(fragments), *notes, *_note_rest(session), *_note_parts(session, fragments)),
        locate=partial(_locate, fragments),
    )


def _require_total(session: ReadSession) -> None:
    """Unreadable where the documents and their records are not as many as each of them says."""
    records, pages = sum(document.records for document in session.documents), len(session.documents)
    for document in session.documents:
        for what, total, count in (
            ("records", document.record_total, records),
            ("pages", document.page_total, pages),
        ):
            if total is not None and total != count:
                raise Unreadable(
                    document.member,
                    f"it says that there are {total} {what} (`paging.total_{what}`), and {count} came: the "
                    f"delivery is not whole",
                )


def _note_rest(session: ReadSession) -> list[str]:
    """Where the documents say that there is more than they hold, and sources.yaml does not say what that means."""
    records = sum(document.records for document in session.documents)
    note = describe_rest([document.rest for document in session.documents], records)
    return [note] if note else []


def _note_parts(session: ReadSession, fragments: list[MappedFragment]) -> Iterator[str]:
    """Of sheets and files that are one delivery; pages are parts of one answer."""
    if find_format(session.source.format).is_keyed:
        return
    parts = [
        DeliveryPart(f"{fragment.member.name}{f', sheet {fragment.sheet}' if fragment.sheet else ''}", fragment.columns,
             fragment.select)
        for fragment in fragments
    ]  # fmt: skip
    yield from note_files(list(dict.fromkeys(fragment.member.name for fragment in fragments)))
    yield from note_mixed_scales(session.con, session.source, parts)
    yield from note_capped_parts(session.con, parts)


def _locate(
    fragments: list[MappedFragment],
    con: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    texts: Sequence[Sequence[str | None]],
) -> list[str]:
    """The files and sheets that hold one of these keys, in order; one that holds it twice is named so."""
    labels = []
    for fragment in fragments:
        written = ", ".join(f"{fragment.columns.get(name, NOTHING)}" for name in columns)
        row = con.execute(
            f"select count(*) from ({fragment.select}) where list_contains(?, [{written}])", [texts]
        ).fetchone()
        if row and row[0]:
            sheet = f", sheet {fragment.sheet}" if fragment.sheet else ""
            labels.append(f"{fragment.member.name}{sheet}{f', {row[0]} times' if row[0] > 1 else ''}")
    return labels


def _join_notes(fragments: list[MappedFragment]) -> tuple[str, ...]:
    """Each note once; with the exports' names where it is not a note of all of them."""
    members: dict[str, list[str]] = {}
    for fragment in fragments:
        for note in fragment.notes:
            members.setdefault(note, []).append(fragment.member.name)
    exports = len({fragment.member.name for fragment in fragments})
    return tuple(
        note if len(set(names)) == exports else f"{', '.join(dict.fromkeys(names))}: {note}"
        for note, names in members.items()
    )


def _read_fragments(
    session: ReadSession, files: list[SourceFile]
) -> Iterator[tuple[TableFragment, SourceFile]]:
    """Lazily: a workbook's sheet is selected from before the next one is read."""
    read = find_format(session.source.format).load_reader()
    for file in files:
        try:
            exports = list(unpacking.list_members(file.path, session.source))
        except ValueError as error:
            raise Unreadable(_whole_file(file), str(error)) from None
        for export in exports:
            member = export._replace(name=export.name.replace(file.path.name, file.name, 1))
            for fragment in read(session, member):
                yield fragment, file


def _whole_file(file: SourceFile) -> Member:
    return Member(file.name, file.path, partial(open_plain, file.path), plain=True)


def _map_fragment(
    session: ReadSession, partition: date, fragment: TableFragment, file: SourceFile
) -> MappedFragment:
    """FileRefused where a required column is missing, Unreadable where nothing of it is mapped."""
    member = fragment.member
    if len(fragment.headers) > MOST_COLUMNS:
        raise Unreadable(
            member, f"it has {len(fragment.headers):,} columns; a table has at most {MOST_COLUMNS:,}"
        )
    constants = {FILE_HEADER: member.name, **fragment.constants}
    headers = {name for c in session.source.columns for name in c.headers}
    offered = [c for c in constants if not c.startswith("_") or c in headers]
    try:
        mapping = map_columns(
            session.source,
            f"{partition} {member.name}",
            [*fragment.headers, *offered],
            is_part=find_format(session.source.format).is_keyed,
        )
    except PermanentSourceError as error:
        raise FileRefused(str(error), {file.path: file.sha256}) from None
    fixed = {
        name: raw for name, raw in mapping.columns.items() if raw in offered and raw not in fragment.headers
    }
    read = {name: raw for name, raw in mapping.columns.items() if name not in fixed}
    if not read:
        raise Unreadable(member, "none of its columns is named in the contract")
    try:
        select = fragment.select(read)
    except ValueError as error:
        raise Unreadable(member, str(error)) from None
    columns = {name: duck.identifier(name) for name in read}
    columns |= {name: f"cast({duck.literal(constants[raw])} as varchar)" for name, raw in fixed.items()}
    # Only now: selecting a sheet adds notes on the rows that it left out.
    return MappedFragment(
        member, columns, select, [*mapping.notes, *fragment.notes], mapping.match, constants.get("_sheet", "")
    )


def _describe_path(source: Source, partition: date, settings: Settings) -> str:
    if source.path is None:
        return "in its inbox"
    path = source.resolved_path(settings.data, str(partition))
    return f"{path.name} in {path.parent}/"
