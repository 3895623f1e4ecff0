"""Files people export, read as text, typed later by contract. Here: which files make a batch, and what
is said where one cannot be read; a module per format knows how.

Only mapped columns get past a reader; personal and unknown ones are dropped there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import NotProvided, PermanentSourceError
from pipelines.sources.files import unpacking
from pipelines.sources.files.file_set import SourceFile, find_files, require_unchanged
from pipelines.sources.files.formats.csv_file import describe_failure, read_csv
from pipelines.sources.files.formats.json_file import read_document, read_lines
from pipelines.sources.files.formats.parquet_file import read_parquet
from pipelines.sources.files.formats.part import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.formats.workbook import read_workbook
from pipelines.sources.files.served import register_streams
from pipelines.sources.files.unpacking import Member, open_plain
from pipelines.sources.mapping import map_columns
from pipelines.sources.relation import Relation, refuse_the_past

# What a contract may name as `raw` to keep where a row came from.
FILE_HEADER = "_file"
NOTHING = "cast(null as varchar)"


class FileRefused(PermanentSourceError):
    """One file cannot be read or mapped; `path` and `sha256` tell which."""

    def __init__(self, text: str, file: SourceFile | None) -> None:
        super().__init__(text)
        self.path: Path | None = file.path if file else None
        self.sha256 = file.sha256 if file else ""


@contextmanager
def pull(
    source: Source, partition: date, settings: Settings, con: duckdb.DuckDBPyConnection
) -> Iterator[Relation]:
    """The files of this day as text columns.

    NotProvided where the day has none, FileRefused where one cannot be read or mapped.
    """
    # One path for every day tells how things stand now.
    if source.partitioning != "change_day" and not source.inbox and "{partition}" not in str(source.path):
        refuse_the_past(source, partition)
    files = find_files(source, partition, settings)
    if not files:
        raise NotProvided(f"{source.name} {partition}: no file {_place(source, partition, settings)}.")
    by_path = {str(file.path): file for file in files}
    with register_streams(con) as served:
        reading = ReadSession(source, con, served, {path: f.unclean for path, f in by_path.items()})
        try:
            with reading.resources:
                yield _relation(reading, partition, files)
        except Unreadable as error:
            raise _refused(source, partition, error.member, str(error), by_path) from None
        except (duckdb.Error, ValueError, OSError) as error:
            raise _refused_while_read(reading, partition, error, by_path) from None
    require_unchanged(source, partition, files)


def _relation(reading: ReadSession, partition: date, files: list[SourceFile]) -> Relation:
    """All parts one below the other, in the order of the files' names."""
    chosen: list[tuple[Member, Mapping[str, str], str]] = []
    notes: dict[str, list[str]] = {}
    for part, member_of in _parts(reading, files):
        one, said = _mapped(reading, partition, part, member_of)
        chosen.append(one)
        for note in said:
            notes.setdefault(note, []).append(part.member.name)
    if not chosen:
        raise Unreadable(
            _whole(files[0]),
            "it holds no records; an empty export cannot be told from a broken one",
        )
    names = list(dict.fromkeys(name for _, columns, _ in chosen for name in columns))
    selects = []
    for _, columns, sql in chosen:
        texts = (f"{columns.get(name, NOTHING)} as {duck.identifier(name)}" for name in names)
        selects.append(f"select {', '.join(texts)} from ({sql})")
    origin = "; ".join(file.origin for file in files)
    count = len({member.name for member, _, _ in chosen})
    said_of = tuple(
        note if len(set(where)) == count else f"{', '.join(dict.fromkeys(where))}: {note}"
        for note, where in notes.items()
    )
    columns = {name: duck.identifier(name) for name in names}
    return Relation(f"({' union all '.join(selects)})", columns, origin, said_of)


def _parts(reading: ReadSession, files: list[SourceFile]) -> Iterator[tuple[TableFragment, SourceFile]]:
    readers: dict[str, Callable[[ReadSession, Member], TableFragment | None]] = {
        "csv": read_csv,
        "tsv": read_csv,
        "json": read_document,
        "ndjson": read_lines,
        "parquet": read_parquet,
    }
    for file in files:
        try:
            members = list(unpacking.list_members(file.path, reading.source))
        except ValueError as error:
            raise Unreadable(_whole(file), str(error)) from None
        for found in members:
            member = found._replace(name=found.name.replace(file.path.name, file.name, 1))
            if str(reading.source.format) in readers:
                part = readers[str(reading.source.format)](reading, member)
                if part is not None:
                    yield part, file
            else:
                for part in read_workbook(reading, member):
                    yield part, file


def _whole(file: SourceFile) -> Member:
    return Member(file.name, file.path, partial(open_plain, file.path), plain=True)


def _mapped(
    reading: ReadSession, partition: date, part: TableFragment, file: SourceFile
) -> tuple[tuple[Member, Mapping[str, str], str], list[str]]:
    """(member, canonical → SQL over the part's select, that select), and what people should know."""
    constants = {FILE_HEADER: part.member.name, **part.constants}
    named = {name for c in reading.source.columns for name in c.headers}
    offered = [c for c in constants if not c.startswith("_") or c in named]
    try:
        mapped = map_columns(reading.source, f"{partition} {part.member.name}", [*part.headers, *offered])
    except PermanentSourceError as error:
        raise FileRefused(str(error), file) from None
    fixed = {name: raw for name, raw in mapped.columns.items() if raw in offered and raw not in part.headers}
    read = {name: raw for name, raw in mapped.columns.items() if name not in fixed}
    if not read:
        raise Unreadable(part.member, "none of its columns is named in the contract")
    try:
        sql = part.select(read)
    except ValueError as error:
        raise Unreadable(part.member, str(error)) from None
    columns = {name: duck.identifier(name) for name in read}
    columns |= {name: f"cast({duck.literal(constants[raw])} as varchar)" for name, raw in fixed.items()}
    return (part.member, columns, sql), [*mapped.notes, *part.notes]


def _refused(
    source: Source, partition: date, member: Member, reason: str, by_path: Mapping[str, SourceFile]
) -> FileRefused:
    return FileRefused(
        f"{source.name} {partition}: {member.name} cannot be read as {source.format}: "
        f"{reason.rstrip('.')}. Nothing was landed. Ask for a fresh export, or correct {source.name} in "
        f"sources.yaml.",
        by_path.get(str(member.file)),
    )


def _refused_while_read(
    reading: ReadSession, partition: date, error: Exception, by_path: Mapping[str, SourceFile]
) -> FileRefused:
    """The file that stopped DuckDB while it copied, by its complaint; the line is never repeated."""
    source, told = reading.source, str(error)
    if isinstance(reading.trouble, Unreadable):
        return _refused(source, partition, reading.trouble.member, str(reading.trouble), by_path)
    stream, trouble = reading.served.trouble or ("", error)
    named = re.search(r"file = (.+)$", told, re.MULTILINE)
    member = reading.places.get(stream or (named[1] if named else ""))
    if member is None and len(reading.places) == 1:
        member = next(iter(reading.places.values()))
    if member is None:
        member = Member("one of the files", Path(), partial(open_plain, Path()), plain=False)
        return _refused(source, partition, member, _first_line(trouble), by_path)
    if isinstance(trouble, duckdb.Error) and source.format in ("csv", "tsv"):
        return _refused(source, partition, member, describe_failure(member, source.encoding, told), by_path)
    return _refused(source, partition, member, _first_line(trouble), by_path)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _place(source: Source, partition: date, settings: Settings) -> str:
    if source.path is None:
        return "in its inbox"
    path = source.resolved_path(settings.data, str(partition))
    return f"{path.name} in {path.parent.name}/"
