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
from pipelines.sources.files.file_set import MAGIC
from pipelines.sources.files.formats import find_format
from pipelines.sources.files.formats.encoding import (
    find_codec,
    find_contradiction,
    open_as_utf8,
    suggest_encoding,
)
from pipelines.sources.files.formats.fragment import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.unpacking import MIB, Member

DELIMITERS = {",": "','", ";": "';'", "\t": 'a tab ("\\t")', "|": "'|'"}


def read_csv(session: ReadSession, member: Member) -> Iterator[TableFragment]:
    """Unreadable where the file is empty, not in its encoding, or its header is not one."""
    source = session.source
    delimiter = source.delimiter or str(find_format(source.format).delimiter)
    try:
        encoding = find_codec(source.encoding)
        sample = member.sample()
        if wrong := _find_fault(sample, encoding):
            raise ValueError(wrong)
        headers = _read_header(open_as_utf8(member.open(), encoding), delimiter, source.limits.line_mb)
    except (ValueError, csv.Error) as error:
        raise Unreadable(member, str(error)) from None
    direct = member.plain and encoding == "utf-8" and not MAGIC.search(str(member.file))
    location = (
        str(member.file) if direct else session.streams.add(lambda: open_as_utf8(member.open(), encoding))
    )
    session.members[location] = member
    columns = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(headers)))
    relation = (
        f"read_csv({duck.literal(location)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {duck.literal(delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        f"null_padding = false, max_line_size = {source.limits.line_mb * MIB})"
    )
    cleaned = not direct or session.unclean.get(str(member.file), True)

    def select(mapped: Mapping[str, str]) -> str:
        cells = {name: f"c{headers.index(raw)}" for name, raw in mapped.items()}
        texts = ", ".join(
            f"{clean_sql(cell) if cleaned else cell} as {duck.identifier(name)}"
            for name, cell in cells.items()
        )
        return f"select {texts} from {relation}"

    notes: list[str] = []
    if member.plain and not ends_with_line_break(member):
        notes.append("the last line has no line end: if that is unusual, it may be cut short")
    yield TableFragment(member, headers, select, notes)


def clean_sql(text: str) -> str:
    """The SQL twin of `native.clean`."""
    inner = f"replace(nfc_normalize({text}), chr(160), ' ')"
    return f"nullif(trim({inner}, ' ' || chr(9)), '')"


def _find_fault(sample: bytes, encoding: str) -> str | None:
    if not sample:
        return "it is empty: not even a header line"
    if sample.startswith(b"\xd0\xcf\x11\xe0"):
        return "it is a workbook, whatever its name; set `format: xlsx`"
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml)", sample, re.IGNORECASE):
        return "it is a web page, whatever its name: perhaps the log-in page of the system it came from"
    if wrong := find_contradiction(sample, encoding):
        return wrong
    if not encoding.startswith("utf-16") and re.search(rb"[\x00-\x08\x0e-\x1f]", sample.split(b"\n")[0]):
        return "it is no text, whatever its name"
    return None


def _read_header(stream: io.BufferedReader, delimiter: str, line_mb: int) -> list[str]:
    limit = line_mb * MIB
    with io.TextIOWrapper(stream, "utf-8", newline="") as text:
        lines = iter(lambda: text.readline(limit), "")
        try:
            headers = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
        except UnicodeDecodeError as error:
            start = max(0, error.start - 2000)
            raise ValueError(
                f"its header is not utf-8; {suggest_encoding(error.object[start:][:4000])}"
            ) from None
    headers = [" ".join(header.split()) for header in headers]
    if not any(headers):
        raise ValueError("its first line is blank: no header")
    others = [name for sign, name in DELIMITERS.items() if sign != delimiter and sign in headers[0]]
    if len(headers) == 1 and others:
        raise ValueError(f"its header has one column; is it delimited by {others[0]}? Set `delimiter`")
    return headers


def ends_with_line_break(member: Member) -> bool:
    """Whether the file's last line is whole, in UTF-8 as in UTF-16."""
    with member.file.open("rb") as stream:
        stream.seek(-min(4, member.file.stat().st_size), io.SEEK_END)
        return stream.read().rstrip(b"\x00")[-1:] in (b"\n", b"\r")
