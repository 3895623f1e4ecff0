"""Why DuckDB stopped in a CSV file, in the operator's words: the line and what is wrong, never its text."""

from __future__ import annotations

import re

from pipelines.sources.files.formats.csv_file import ends_with_line_break
from pipelines.sources.files.formats.encoding import suggest_encoding
from pipelines.sources.files.unpacking import MIB, Member


def describe_failure(member: Member, encoding: str | None, message: str) -> str:
    """DuckDB's complaint in the operator's words: line, what is wrong, never the line itself."""
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"line {line[1]}" if line else "a line"
    if widths := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message):
        expected, present = map(int, widths.groups())
        last = member.plain and not ends_with_line_break(member)
        if last and present < expected and line and int(line[1]) == _count_lines(member):
            return f"the last line ({line[1]}) is cut short: {present} cells, the header has {expected}"
        return f"{where} has {present} cells, the header has {expected} (is a delimiter not quoted?)"
    if "unterminated quote" in message:
        return f"{where} has a quote that is not closed, or text after a closing quote"
    if "nvalid unicode" in message or "not utf-8" in message:
        return f"{where} is not {encoding or 'utf-8'}; {_suggest_from_bytes(member)}"
    if "aximum line size" in message:
        return f"{where} is longer than `limits.line_mb` allows: a huge cell, or a quote that is not closed"
    if "invalid state" in message:
        return f"{_find_mixed_line_end(member)} ends otherwise than those before (CRLF, LF or CR: be one)"
    return f"not readable as CSV ({message.splitlines()[0][:120]})"


def _count_lines(member: Member) -> int:
    with member.open() as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(MIB), b"")) + 1


def _suggest_from_bytes(member: Member) -> str:
    """From the neighbourhood of the first byte that is not UTF-8."""
    with member.open() as stream:
        while chunk := stream.read(MIB):
            try:
                chunk.decode()
            except UnicodeDecodeError as error:
                if error.end < len(chunk) - 3:
                    return suggest_encoding(chunk[max(0, error.start - 2000) : error.start + 4000])
    return "ask for the export in UTF-8"


def _find_mixed_line_end(member: Member) -> str:
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
