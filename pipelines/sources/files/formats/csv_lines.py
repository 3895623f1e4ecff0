"""Lines of a delimited text that are no records: `sep=;`, titles above the header, the header again, totals."""

from __future__ import annotations

import csv
import io
import itertools
import mmap
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pipelines import duck
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.files.unpacking import Member

SEARCH_LINES = 40
MOST_CANDIDATES = 10_000
# Bytes before a word that are looked at for the beginning of its cell; where all are blank it may begin there.
SHORT = 64
SEPARATOR_LINE = re.compile(r'^"?sep=.{0,2}"?$', re.IGNORECASE)
# Of workbooks too. No `\b`: to DuckDB a word ends before "ố" and "ó".
TOTAL = r"(?i)^((tổng (cộng|số)|trong đó)(\W|$)|(tổng|cộng)\s*([:=]|$)|(grand |sub)?totals?\s*([:=]|$)|sum\s*([:=]|$))"
NUMBER = r"[+-]?[\d.,\s]*%?"
# As texts of UTF-8 begin that `TOTAL` may fit, after the delimiter.
TOTAL_BYTES = tuple(
    word.encode() for stem in ("tổng", "cộng", "trong đó", "total", "grand total", "subtotal", "sum")
    for word in (stem, stem.capitalize(), stem.upper(), stem.title())
)  # fmt: skip


class CsvHeader(NamedTuple):
    """The header's cells as written, and how many lines stand above it."""

    cells: list[str]
    above: int
    notes: list[str]


def find_header(text: io.TextIOBase, source: Source, delimiter: str, limit: int) -> CsvHeader:
    """The first line, unless it is `sep=;` or a title above a line with at least two of the contract's headers.

    csv.Error for a quote that is not closed, UnicodeDecodeError for another encoding.
    """
    lines = iter(lambda: text.readline(limit), "")
    first = next(lines, "")
    notes: list[str] = []
    above = 0
    if SEPARATOR_LINE.match(first.strip()):
        notes.append(f"line 1 tells a spreadsheet the delimiter ({first.strip()}); it was left out")
        above, first = 1, next(lines, "")
    reader = csv.reader(itertools.chain([first] if first else [], lines), delimiter=delimiter, strict=True)
    cells = next(reader, [])
    if _count_headers(source, cells) < 2 and (place := _find_below(reader, source)):
        line, cells = place
        notes.append(f"the header stands on line {above + line}: the {line - 1} lines above it were left out")
        above += line - 1
    return CsvHeader(cells, above, notes)


def _find_below(reader: Iterator[list[str]], source: Source) -> tuple[int, list[str]] | None:
    """(line, cells) of the header below titles; None where no line of the first ones holds two of its headers."""
    required = {fold_name(h) for c in source.columns if c.required for h in c.headers}
    try:
        for cells in itertools.islice(reader, SEARCH_LINES):
            is_header = _count_headers(source, cells) >= 2 and any(
                fold_name(cell) in required for cell in cells
            )
            if is_header:
                return reader.line_num, cells  # type: ignore[attr-defined]
    except (csv.Error, UnicodeDecodeError):
        return None
    return None


def _count_headers(source: Source, cells: list[str]) -> int:
    headers = {fold_name(header) for column in source.columns for header in column.headers}
    return len({fold_name(cell) for cell in cells} & headers)


def may_hold_other_lines(member: Member, headers: list[str], delimiter: str) -> bool:
    """Whether a plain UTF-8 file may repeat its header, hold a total or a blank record; told without parsing it."""
    if not member.plain or member.file.stat().st_size == 0:
        return True
    with member.file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        first = headers[0].encode()
        beginnings = (b"\n" + first, b'\n"' + first, b"\n\xef\xbb\xbf" + first, b'\n\xef\xbb\xbf"' + first)
        if any(data.find(line) >= 0 for line in beginnings) or _may_hold_blank(data, delimiter, len(headers)):
            return True
        if _may_hold_header(data, headers, delimiter) or data.find(b"\n---") >= 0:
            return True
        # Blanks of any kind: no-break spaces indent what was a page once, and DuckDB's trim takes them away too.
        begins_cell = re.compile(rf'(?:\A|[\n\r{re.escape(delimiter)}])(?:[^\S\n\r]|["\u200b\ufeff])*\Z')
        for word in TOTAL_BYTES:
            at = data.find(word)
            while at >= 0:
                if begins_cell.search(data[max(at - SHORT, 0) : at].decode("utf-8", "ignore")):
                    return True
                at = data.find(word, at + 1)
    return False


def _may_hold_header(data: mmap.mmap, headers: list[str], delimiter: str) -> bool:
    """Whether one of the two longest headers is a whole cell again: short ones are words of texts."""
    edge = b'"\r\n' + delimiter.encode()
    for header in sorted(filter(None, headers), key=len)[-2:]:
        cell = header.encode()
        # Below the first line, from the line end on.
        at = data.find(cell, max(data.find(b"\n"), 0))
        while at >= 0:
            if data[at - 1] in edge and data[at + len(cell) : at + len(cell) + 1] in edge:
                return True
            at = data.find(cell, at + 1)
    return False


def _may_hold_blank(data: mmap.mmap, delimiter: str, cells: int) -> bool:
    """Whether a line holds nothing but delimiters and blanks, or empty quotes; or too many begin as if they did."""
    sign = re.escape(delimiter.encode())
    line = re.compile(rb"\n[ \t]*(?:%b[ \t]*){%d}\r?(?:\n|\Z)" % (sign, cells - 1))
    for beginning in (b"\n" + delimiter.encode(), b"\n ", b"\n\t"):
        at, left = data.find(beginning), MOST_CANDIDATES
        while at >= 0:
            left -= 1
            if not left or line.match(data, at):
                return True
            at = data.find(beginning, at + 1)
    return data.find(b"\n" + delimiter.encode().join([b'""'] * cells)) >= 0


class OtherLines(NamedTuple):
    """SQL conditions over the cells c0, c1, … of a line that is no record; `blank`: cells without a text.

    `underline`: nothing but dashes, as clients of databases draw below a header.
    """

    repeated: str
    total: str
    blank: str
    underline: str

    @property
    def record(self) -> str:
        return " and ".join(f"not {condition}" for condition in self)


def describe_other_lines(source: Source, headers: list[str], mapped: Mapping[str, str]) -> OtherLines:
    """The header again (capitals, blanks and a mark of UTF-8 aside), a total, nothing but delimiters."""
    cells = [f"c{n}" for n in range(len(headers))]
    own = [(f"c{headers.index(raw)}", raw) for raw in dict.fromkeys(mapped.values())]
    repeated = " and ".join(f"{_fold_sql(cell)} = {_fold_sql(duck.literal(raw))}" for cell, raw in own)
    filled = f"list_filter([{', '.join(cells)}], lambda c: trim(coalesce(c, '')) <> '')"
    needed = {c.name for c in source.columns if c.required}
    blanks = [
        f"coalesce(trim(c{headers.index(raw)}), '') = ''" for name, raw in mapped.items() if name in needed
    ]
    numbers = f"len(list_filter({filled}[2:], lambda c: not regexp_full_match(trim(c), {duck.literal(NUMBER)}))) = 0"
    total = (
        f"(coalesce(regexp_matches(trim({filled}[1]), {duck.literal(TOTAL)}), false) "
        f"and ({' or '.join([*blanks, numbers])}))"
    )
    is_drawn = f"len(list_filter({filled}, lambda c: not regexp_full_match(trim(c), '-{{3,}}'))) = 0"
    underline = f"(len({filled}) > 1 and {is_drawn})"
    blank = f"(len({filled}) = 0)" if len(cells) > 1 else "false"
    return OtherLines(f"({repeated})", total, blank, underline)


def other_header_sql(headers: list[str], repeated: str) -> str:
    """SQL over c0, c1, …: whether a line is a header, and not this one: half of its cells, two at least, are headers.

    Such a line begins another table, as where exports with another order of columns were joined.
    """
    if len(headers) < 2:
        return "false"
    cells = ", ".join(_fold_sql(f"c{n}") for n in range(len(headers)))
    own = ", ".join(_fold_sql(duck.literal(header)) for header in headers if header)
    least = max(2, (len(headers) + 1) // 2)
    return f"(len(list_intersect([{cells}], [{own}])) >= {least} and not {repeated})"


def _fold_sql(text: str) -> str:
    """SQL of a header's text, as two that a reader takes for one agree; never NULL."""
    # Quotes below a mark of UTF-8 are read as signs of the cell.
    plain = f"replace(replace(coalesce({text}, ''), chr(65279), ''), '\"', '')"
    return f"lower(trim(regexp_replace(nfc_normalize({plain}), '[\\s\\x{{00A0}}]+', ' ', 'g')))"


class SkippingStream(io.RawIOBase):
    """A stream without its first lines."""

    def __init__(self, stream: io.BufferedReader, lines: int) -> None:
        self._stream = stream
        for _ in range(lines):
            stream.readline()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._stream.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def open_below(stream: io.BufferedReader, lines: int) -> io.BufferedReader:
    """The stream from below its first lines on."""
    return io.BufferedReader(SkippingStream(stream, lines), 2**20) if lines else stream
