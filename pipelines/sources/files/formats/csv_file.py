"""CSV and TSV: DuckDB's reader on the file itself where it is plain UTF-8, on a decoded stream otherwise.

Nothing is sniffed: header, delimiter and quotes are told. A record of another width stops the file and
names the line; it is never padded, cut or dropped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping

from pipelines import duck
from pipelines.sources.contracts.contract import Source
from pipelines.sources.files.file_set import MAGIC
from pipelines.sources.files.formats import find_format
from pipelines.sources.files.formats.csv_footer import (
    EndingStream,
    Footer,
    find_footer,
    find_required,
    read_end,
)
from pipelines.sources.files.formats.csv_lines import (
    CsvHeader,
    describe_other_lines,
    find_header,
    may_hold_other_lines,
    open_below,
    other_header_sql,
)
from pipelines.sources.files.formats.csv_shifts import check_shifts
from pipelines.sources.files.formats.csv_swallowed import find_record, may_hold_swallowed, swallowed_sql
from pipelines.sources.files.formats.encoding import (
    find_codec,
    find_contradiction,
    open_as_utf8,
    suggest_encoding,
)
from pipelines.sources.files.formats.foreign import find_foreign, find_json
from pipelines.sources.files.formats.fragment import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.unpacking import MIB, Member
from pipelines.sources.values.codes import unwrap_sql

DELIMITERS = {",": "','", ";": "';'", "\t": 'a tab ("\\t")', "|": "'|'"}

SWALLOWED = (
    "line {line} has a text that begins with a quote, and the quote that closes it stands on line {end}: the records "
    "between became one cell. Ask for an export that writes a quote within a text twice"
)
OTHER_HEADER = (
    "another table begins on line {line}, whose headers are not those of the first, or stand in another order; "
    "give it a file of its own"
)


def read_csv(session: ReadSession, member: Member) -> Iterator[TableFragment]:
    """Unreadable where the file is empty, not in its encoding, or its header is not one."""
    source = session.source
    delimiter = source.delimiter or str(find_format(source.format).delimiter)
    try:
        encoding = find_codec(source.encoding)
        sample = member.sample()
        if wrong := _find_fault(sample, encoding):
            raise ValueError(wrong)
        header = _read_header(open_as_utf8(member.open(), encoding), delimiter, source)
    except (ValueError, csv.Error) as error:
        raise Unreadable(member, str(error)) from None
    headers = header.cells
    notes = list(header.notes)
    required = find_required(source, headers)

    def look_for_footer(end: bytes) -> Footer | None:
        footer = find_footer(end, delimiter, len(headers), required)
        if footer and footer.describe() not in notes:
            notes.append(footer.describe())
        return footer

    def open_records() -> io.BufferedReader:
        stream = open_below(open_as_utf8(member.open(), encoding), header.above)
        return io.BufferedReader(EndingStream(stream, look_for_footer), MIB)

    is_plain = member.plain and encoding == "utf-8"
    try:
        footer = look_for_footer(read_end(member)) if is_plain else None
    except ValueError as error:
        raise Unreadable(member, str(error)) from None
    direct = is_plain and not header.above and not footer and not MAGIC.search(str(member.file))
    location = str(member.file) if direct else session.streams.add(open_records)
    session.members[location] = member
    session.lines_above[member.name] = header.above
    line_mb = source.limits.line_mb
    columns = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(headers)))
    relation = (
        f"read_csv({duck.literal(location)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {duck.literal(delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        f"null_padding = false, max_line_size = {line_mb * MIB})"
    )
    cleaned = not direct or session.unclean.get(str(member.file), True)

    def select(mapped: Mapping[str, str]) -> str:
        cells = {name: f"c{headers.index(raw)}" for name, raw in mapped.items()}
        check_shifts(
            session.con,
            location,
            member,
            delimiter,
            len(headers),
            above=header.above,
            is_utf8=encoding == "utf-8",
            line_mb=line_mb,
        )
        texts = ", ".join(
            f"{clean_sql(cell) if cleaned else cell} as {duck.identifier(name)}"
            for name, cell in cells.items()
        )
        select_all = f"select {texts} from {relation}"
        is_utf8 = encoding == "utf-8"
        may_hold_quotes = not is_utf8 or may_hold_swallowed(member, delimiter)
        may_hold_others = not is_utf8 or may_hold_other_lines(member, headers, delimiter)
        if not may_hold_quotes and not may_hold_others:
            return select_all
        swallowed = swallowed_sql(len(headers), delimiter) if may_hold_quotes else "false"
        others = describe_other_lines(source, headers, mapped)
        other_header = other_header_sql(headers, others.repeated)
        counted = ", ".join(
            f"count(*) filter ({condition})" for condition in (swallowed, other_header, *others)
        )
        counts = session.con.execute(f"select {counted} from {relation}").fetchone() or (0, 0)
        if counts[0]:
            raise ValueError(describe_record(swallowed, SWALLOWED))
        if counts[1]:
            raise ValueError(describe_record(other_header, OTHER_HEADER))
        kinds = ("lines that repeat the header", "total lines", "blank lines", "lines of dashes")
        left_out = [f"{count} {kind}" for count, kind in zip(counts[2:], kinds, strict=True) if count]
        if not left_out:
            return select_all
        notes.append(f"lines that are no records, left out: {', '.join(left_out)}")
        return f"{select_all} where {others.record}"

    def describe_record(condition: str, message: str) -> str:
        line, end = find_record(session.con, relation, len(headers), condition)
        return message.format(line=line + header.above, end=end + header.above)

    if member.plain and not footer and not ends_with_line_break(member):
        notes.append("the last line has no line end: if that is unusual, it may be cut short")
    yield TableFragment(member, headers, select, notes)


def clean_sql(text: str) -> str:
    """The SQL twin of `native.clean`."""
    # DuckDB's NFC ends a text at its first NUL; U+FFFD stands for it, as for every control character later on.
    whole = f"replace({text}, chr(0), chr(65533))"
    inner = f"replace(nfc_normalize({whole}), chr(160), ' ')"
    trimmed = f"trim({inner}, ' ' || chr(9))"
    return f"nullif({unwrap_sql(trimmed, apostrophe=False)}, '')"


def _find_fault(sample: bytes, encoding: str) -> str | None:
    if not sample:
        return "it is empty: not even a header line"
    if kind := find_foreign(sample) or find_json(sample):
        return str(kind)
    if wrong := find_contradiction(sample, encoding):
        return wrong
    if not encoding.startswith("utf-16") and re.search(rb"[\x00-\x08\x0e-\x1f]", sample.split(b"\n")[0]):
        return "it is no text, though its name says so"
    return None


def _read_header(stream: io.BufferedReader, delimiter: str, source: Source) -> CsvHeader:
    with io.TextIOWrapper(stream, "utf-8", newline="") as text:
        try:
            header = find_header(text, source, delimiter, source.limits.line_mb * MIB)
        except UnicodeDecodeError as error:
            start = max(0, error.start - 2000)
            raise ValueError(
                f"its header is not utf-8; {suggest_encoding(error.object[start:][:4000])}"
            ) from None
    headers = [" ".join(cell.split()) for cell in header.cells]
    if not any(headers):
        raise ValueError("its first line is blank: no header")
    # Before blanks were folded: a tab is one.
    others = [name for sign, name in DELIMITERS.items() if sign != delimiter and sign in header.cells[0]]
    if len(headers) == 1 and others:
        raise ValueError(f"its header has one column; is it delimited by {others[0]}? Set `delimiter`")
    return header._replace(cells=headers)


def ends_with_line_break(member: Member) -> bool:
    """Whether the file's last line is whole, in UTF-8 as in UTF-16."""
    with member.file.open("rb") as stream:
        stream.seek(-min(4, member.file.stat().st_size), io.SEEK_END)
        return stream.read().rstrip(b"\x00")[-1:] in (b"\n", b"\r")
