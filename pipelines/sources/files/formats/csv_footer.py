"""What stands below the last record of a delimited text: a client's sentence, lines that people sign, DOS's end mark.

Looked for in the texts of any encoding, as UTF-8; a file in UTF-8 that has none is read by DuckDB itself.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection
from typing import Any, BinaryIO, NamedTuple

from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.names import fold_name
from pipelines.sources.files.formats.csv_lines import TOTAL
from pipelines.sources.files.unpacking import Member

LONGEST = 4_096
CHUNK = 2**20
# Clients of SQL Server, Oracle, PostgreSQL, MySQL and DB2 say how many rows they wrote, and how long it took.
SENTENCE = re.compile(
    r"(?i)\(?\d+ (rows?|record(s|\(s\))?|row\(s\)|bản ghi|dòng)( (affected|selected|retrieved|in set|fetched))?\.?\)?"
    r"( \([\d.,]+ s(ec)?\))?|Elapsed: [\d:.]+|Time: [\d.,]+ ms|Completion time: [\dT:.+-]+|SQL> ?(spool off|exit)?"
)
DATE_WORDS = r"ngày\s+[\d.…_]+\s*tháng\s+[\d.…_]+\s*năm\s+[\d.…_]+"
# Of workbooks too: how the first cell of a line begins below which people sign, and what programs print there.
SIGNATURE = re.compile(
    rf"(?i)([\w .-]{{2,40}},\s*)?{DATE_WORDS}|\(ký\b|nơi nhận\b|(tm|kt|tl|tuq|q)\.\s*(?=\S)"
    r"|người (lập biểu|lập bảng|lập báo cáo|lập|in|xuất|kết xuất|báo cáo|tổng hợp|ký|duyệt)\b"
    r"|(thủ trưởng|lãnh đạo|kế toán|trưởng phòng)\b(?=[^\d]*$)"
    r"|(ngày|giờ|thời gian|thời điểm) (in|xuất|kết xuất|lập|trích xuất)\b|(in|xuất|kết xuất) (lúc|ngày)\b"
    r"|trang \d+\s*(/\s*\d+|$)|page \d+( of \d+)?\s*$|--+\s*(hết|end)\b|end of (file|report|data)\b"
    r"|(prepared|approved|printed|generated|exported|created|signed) (by|on|at)\b"
    r"|(export|print|report) (date|time|generated)\b|signature\b"
)
LONE_TOTAL = re.compile(r"[^\d:=]{3,40}[:=]?\s*[\d.,\s]+([^\W\d]+\s*){0,3}")
END_OF_DOS, MARK, DOS = "\x1a", b"\x1a", "the end mark of DOS (0x1A)"
ZEROS = (
    "it ends with {count} zero bytes: it was never written to its end (a full disk, a lost connection), and rows may "
    "be missing"
)


class Footer(NamedTuple):
    """`size`: bytes of UTF-8 from its first line on; `words`: for people, without the names of those who sign."""

    size: int
    words: str

    def describe(self) -> str:
        """The note on what was left out."""
        return f"what stands below the last record was left out: {self.words}"


def find_footer(end: bytes, delimiter: str, width: int, required: Collection[int]) -> Footer | None:
    """The part of these last bytes of a text in UTF-8 that is no record; None where it ends with one.

    `width`: cells of a record; `required`: the places of those that each record fills. ValueError for zero bytes.
    """
    if end.endswith(b"\0"):
        raise ValueError(ZEROS.format(count=len(end) - len(end.rstrip(b"\0"))))
    lines = end.splitlines(keepends=True)
    words: list[str] = []
    start, is_blank = len(lines), True
    # The first of these lines may be the end of a record.
    for place in range(len(lines) - 1, 0, -1):
        text = unicodedata.normalize("NFC", lines[place].decode(errors="replace"))
        line = text.strip().removesuffix(END_OF_DOS).strip()
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
        if len(cells) == width and any(cells) and all(cells[n] for n in required):
            break
        if any(cells):
            is_blank = False
            if word := _find_word(line.strip(f'{delimiter}" '), is_total=len(cells) != width):
                start, words = place, [word, *words]
        elif is_blank or (words and place == start - 1):
            start = place
    footer = b"".join(lines[start:])
    # A text of several lines within quotes is a cell of a record, whatever it says.
    if footer.count(b'"') % 2:
        return None
    if words:
        return Footer(len(footer), " · ".join(words))
    # Lines without a text that are no plain line ends; where others stand below them they are records' own affair.
    if is_blank and footer.strip(b"\r\n") and footer.strip() != MARK:
        return Footer(len(footer), DOS if MARK in footer else "blank lines")
    ending = end.rstrip()
    return Footer(len(end) - len(ending) + 1, DOS) if ending.endswith(MARK) else None


def _find_word(text: str, *, is_total: bool) -> str | None:
    """What says that this line is no record, as it may be quoted; of a line of another width a total, too."""
    if is_total and re.match(TOTAL, text) and LONE_TOTAL.fullmatch(text):
        return text
    return find_sign_off(text)


def find_sign_off(text: str) -> str | None:
    """How a line begins that is a client's sentence or one below which people sign, without any name."""
    match = SENTENCE.fullmatch(text) or SIGNATURE.match(text)
    return match[0].strip() if match else None


def find_required(source: Source, headers: list[str]) -> list[int]:
    """The places of the headers that each record fills."""
    names = {fold_name(header) for column in source.columns if column.required for header in column.headers}
    return [place for place, header in enumerate(headers) if fold_name(header) in names]


def read_end(member: Member) -> bytes:
    """The last bytes of a plain file."""
    size = member.file.stat().st_size
    with member.file.open("rb") as stream:
        stream.seek(max(0, size - LONGEST))
        return stream.read()


class EndingStream(io.RawIOBase):
    """A stream of UTF-8 up to its footer. `find` is asked for the footer of its last bytes."""

    def __init__(self, stream: BinaryIO, find: Callable[[bytes], Footer | None]) -> None:
        self._stream, self._find = stream, find
        self._kept, self._ready, self._ended = b"", b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            self._fill()
        piece = self._ready[: len(buffer)]
        buffer[: len(piece)] = piece
        self._ready = self._ready[len(piece) :]
        return len(piece)

    def _fill(self) -> None:
        chunk = self._stream.read(CHUNK)
        if chunk:
            # What may belong to a footer waits until the end is known.
            whole = self._kept + chunk
            self._ready, self._kept = whole[:-LONGEST], whole[-LONGEST:]
            return
        self._ended = True
        footer = self._find(self._kept)
        self._ready = self._kept[: -footer.size] if footer else self._kept

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
