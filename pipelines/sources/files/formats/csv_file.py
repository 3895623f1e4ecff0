"""CSV and TSV: DuckDB's reader on the file itself where it is plain UTF-8, on a decoded stream otherwise.

Nothing is sniffed: header, delimiter and quotes are told. A record of another width stops the file and
names the line; it is never padded, cut or dropped.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from pipelines import duck
from pipelines.sources.files.file_set import MAGIC
from pipelines.sources.files.formats.encoding import (
    find_codec,
    find_contradiction,
    open_as_utf8,
    suggest_encoding,
)
from pipelines.sources.files.formats.part import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.unpacking import MIB, Member

DELIMITERS = {",": "','", ";": "';'", "\t": 'a tab ("\\t")', "|": "'|'"}


def read_csv(reading: ReadSession, member: Member) -> TableFragment:
    """Unreadable where the file is empty, not in its encoding, or its header is not one."""
    source = reading.source
    delimiter = source.delimiter or ("\t" if source.format == "tsv" else ",")
    try:
        encoding = find_codec(source.encoding)
        sample = member.sample()
        if wrong := _wrong(sample, encoding):
            raise ValueError(wrong)
        headers = _header(open_as_utf8(member.open(), encoding), delimiter, source.limits.line_mb)
    except (ValueError, csv.Error) as error:
        raise Unreadable(member, str(error)) from None
    direct = member.plain and encoding == "utf-8" and not MAGIC.search(str(member.file))
    place = str(member.file) if direct else reading.served.add(lambda: open_as_utf8(member.open(), encoding))
    reading.places[place] = member
    columns = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(headers)))
    relation = (
        f"read_csv({duck.literal(place)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"delim = {duck.literal(delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        f"null_padding = false, max_line_size = {source.limits.line_mb * MIB})"
    )
    cleaned = not direct or reading.unclean.get(str(member.file), True)

    def select(mapped: Mapping[str, str]) -> str:
        cells = {name: f"c{headers.index(raw)}" for name, raw in mapped.items()}
        texts = ", ".join(
            f"{clean_sql(cell) if cleaned else cell} as {duck.identifier(name)}"
            for name, cell in cells.items()
        )
        return f"select {texts} from {relation}"

    notes: list[str] = []
    if member.plain and not _ends_with_a_line_break(member):
        notes.append("the last line has no line end: if that is unusual, it may be cut short")
    return TableFragment(member, headers, select, notes)


def clean_sql(text: str) -> str:
    """The SQL twin of `native.clean`."""
    inner = f"replace(nfc_normalize({text}), chr(160), ' ')"
    return f"nullif(trim({inner}, ' ' || chr(9)), '')"


def _wrong(sample: bytes, encoding: str) -> str | None:
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


def _header(stream: io.BufferedReader, delimiter: str, line_mb: int) -> list[str]:
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
    others = [said for sign, said in DELIMITERS.items() if sign != delimiter and sign in headers[0]]
    if len(headers) == 1 and others:
        raise ValueError(f"its header has one column; is it delimited by {others[0]}? Set `delimiter`")
    return headers


def _ends_with_a_line_break(member: Member) -> bool:
    with member.file.open("rb") as stream:
        stream.seek(-min(4, member.file.stat().st_size), io.SEEK_END)
        return stream.read().rstrip(b"\x00")[-1:] in (b"\n", b"\r")


def describe_failure(member: Member, encoding: str | None, told: str) -> str:
    """DuckDB's complaint in the operator's words: line, what is wrong, never the line itself."""
    line = re.search(r"CSV Error on Line: (\d+)", told)
    where = f"line {line[1]}" if line else "a line"
    if widths := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", told):
        expected, found = map(int, widths.groups())
        last = member.plain and not _ends_with_a_line_break(member)
        if last and found < expected and line and int(line[1]) == _lines(member):
            return f"the last line ({line[1]}) is cut short: {found} cells, the header has {expected}"
        return f"{where} has {found} cells, the header has {expected} (is a delimiter not quoted?)"
    if "unterminated quote" in told:
        return f"{where} has a quote that is not closed, or text after a closing quote"
    if "nvalid unicode" in told or "not utf-8" in told:
        return f"{where} is not {encoding or 'utf-8'}; {_suggestion(member)}"
    if "aximum line size" in told:
        return f"{where} is longer than `limits.line_mb` allows: a huge cell, or a quote that is not closed"
    if "invalid state" in told:
        return f"{_line_of_mixed_ends(member)} ends otherwise than those before (CRLF, LF or CR: be one)"
    return f"not readable as CSV ({told.splitlines()[0][:120]})"


def _lines(member: Member) -> int:
    with member.open() as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(MIB), b"")) + 1


def _suggestion(member: Member) -> str:
    """From the neighbourhood of the first byte that is not UTF-8."""
    with member.open() as stream:
        while chunk := stream.read(MIB):
            try:
                chunk.decode()
            except UnicodeDecodeError as error:
                if error.end < len(chunk) - 3:
                    return suggest_encoding(chunk[max(0, error.start - 2000) : error.start + 4000])
    return "ask for the export in UTF-8"


def _line_of_mixed_ends(member: Member) -> str:
    with member.open() as stream:
        data = stream.read(64 * MIB)
    ends = re.finditer(rb'"[^"]*"|(\r\n|\r|\n)', data)
    first, number = None, 0
    for end in ends:
        if end[1] is None:
            number += end[0].count(b"\n")
            continue
        number += 1
        first = first or end[1]
        if end[1] != first:
            return f"line {number}"
    return "a line"
