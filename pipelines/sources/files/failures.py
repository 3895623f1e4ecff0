"""What is said where an export cannot be read: which file, why, what to do; never what stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import FileRefused
from pipelines.sources.files.file_set import SourceFile
from pipelines.sources.files.formats import find_format
from pipelines.sources.files.formats.fragment import ReadSession, Unreadable
from pipelines.sources.files.unpacking import Member, open_plain


def refuse_export(
    source: Source, partition: date, member: Member, reason: str, by_path: Mapping[str, SourceFile]
) -> FileRefused:
    """The error to raise. `by_path`: path → file of the batch; `member` may be none of them."""
    file = by_path.get(str(member.file))
    return FileRefused(
        f"{source.name} {partition}: {member.name} cannot be read as {source.format}: "
        f"{reason.rstrip('.')}. Nothing was landed. Ask for a fresh export, or correct {source.name} in "
        f"sources.yaml.",
        {file.path: file.sha256} if file else {},
    )


def refuse_after_copy(
    session: ReadSession, partition: date, error: Exception, by_path: Mapping[str, SourceFile]
) -> FileRefused:
    """The file that stopped DuckDB while it copied, by its complaint; the line is never repeated."""
    source, message = session.source, str(error)
    if isinstance(session.failure, Unreadable):
        return refuse_export(source, partition, session.failure.member, str(session.failure), by_path)
    stream, cause = session.streams.failure or ("", error)
    member = _find_member(session, stream, message)
    if member is None:
        # It broke before it was opened: where there is one file, it was that.
        file = next(iter(by_path.values())).path if len(by_path) == 1 else Path()
        member = Member(file.name or "one of the files", file, partial(open_plain, file), plain=False)
        return refuse_export(source, partition, member, _first_line(cause), by_path)
    # DuckDB counts from the header; people count from the top of the file.
    above = session.lines_above.get(member.name, 0)
    message = re.sub(r"(CSV Error on Line: )(\d+)", lambda m: f"{m[1]}{int(m[2]) + above}", message)
    describe = find_format(source.format).load_describer()
    if describe is not None and isinstance(cause, duckdb.Error):
        return refuse_export(source, partition, member, describe(member, source.encoding, message), by_path)
    return refuse_export(source, partition, member, _first_line(cause), by_path)


def _find_member(session: ReadSession, stream: str, message: str) -> Member | None:
    """By the stream that broke, else by the file that DuckDB names, else the only one there is."""
    file = re.search(r"file = (.+)$", message, re.MULTILINE)
    member = session.members.get(stream or (file[1] if file else ""))
    if member is None and len(session.members) == 1:
        return next(iter(session.members.values()))
    return member


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
