"""What clients of databases write below the last record of a delimited text, and the end mark of DOS."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

from pipelines.sources.files.unpacking import Member

LONGEST = 1_024
# SQL Server's, Oracle's and PostgreSQL's clients say how many rows they wrote, and how long it took.
SENTENCE = re.compile(
    rb"\(\d+ rows?( affected)?\)|\d+ rows? selected\.?|Elapsed: [\d:.]+|Time: [\d.,]+ ms|Completion time: [\dT:.+-]+"
    rb"|SQL> ?(spool off|exit)?"
)
END_OF_DOS = b"\x1a"


def find_footer(member: Member) -> bytes:
    """The end of a plain file that is no record; nothing where it ends with one."""
    size = member.file.stat().st_size
    with member.file.open("rb") as stream:
        stream.seek(max(0, size - LONGEST))
        end = stream.read()
    lines = end.splitlines(keepends=True)
    records = end.rstrip().removesuffix(END_OF_DOS)
    has_mark = len(records) < len(end.rstrip())
    # The first of these lines may be the end of a record.
    while len(lines) > 1 and _is_no_record(lines[-1]):
        lines.pop()
    above = b"".join(lines)
    footer = end[len(above) :]
    if footer.strip(b"\r\n") and footer.strip() != END_OF_DOS:
        return footer
    return end[len(records) :] if has_mark else b""


def _is_no_record(line: bytes) -> bool:
    text = line.strip().removesuffix(END_OF_DOS).strip()
    return not text or SENTENCE.fullmatch(text) is not None


def describe_footer(footer: bytes) -> str:
    """The note on what was left out."""
    words = " ".join(footer.replace(b"\x1a", b"").decode().split())
    nothing = "the end mark of DOS (0x1A)" if END_OF_DOS in footer else "blank lines"
    return f"what a client wrote below the last record was left out: {words or nothing}"


class EndingStream(io.RawIOBase):
    """The first bytes of a stream, and a line end."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._left, self._rest = stream, size, b"\n"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._stream.read(min(len(buffer), self._left))
        self._left -= len(piece)
        if not piece:
            piece, self._rest = self._rest[: len(buffer)], b""
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def open_above(member: Member, footer: bytes) -> BinaryIO:
    """The file's own bytes without the footer."""
    return io.BufferedReader(EndingStream(member.open(), member.file.stat().st_size - len(footer)), 2**20)
