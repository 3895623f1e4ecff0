"""Dirt between the records of a delimited text: what spreadsheets and joined exports leave there."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable

from tests.cases.dirt import DIRT, HEADERS, Delivery, Spoiler, make_clean

BOM = b"\xef\xbb\xbf"


def _spoil_lines(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Spoiler:
    """`change` gets the lines of the file without their ends, the header first."""

    def spoil(delivery: Delivery, chance: random.Random) -> None:
        delivery.format = "csv"
        delivery.tail = lambda data: b"\n".join([*change(data.splitlines(), chance), b""])

    return spoil


def _insert(lines: list[bytes], line: bytes, chance: random.Random) -> list[bytes]:
    at = chance.randint(1, len(lines))
    return [*lines[:at], line, *lines[at:]]


def _join_exports(lines: list[bytes], chance: random.Random) -> list[bytes]:
    header = chance.choice([lines[0], b'"' + lines[0].replace(b";", b'";"') + b'"'])
    return _insert(lines, chance.choice([b"", BOM]) + header, chance)


def _write_footer(lines: list[bytes], chance: random.Random) -> list[bytes]:
    rows = len(lines) - 1
    footers = (
        ("", f"({rows} rows affected)"),
        (f"{rows} rows selected.", "", "Elapsed: 00:00:01.20"),
        (f"({rows} rows)", "\x1a"),
        (
            "Người lập biểu;;;;Thủ trưởng đơn vị;;",
            "(Ký, ghi rõ họ tên);;;;;;",
            "Nguyễn Thị Lan;;;;Trần Văn Minh;;",
        ),
        ("", "Hà Tĩnh, ngày 06 tháng 8 năm 2025", "TM. UBND TỈNH", "Trần Văn Minh"),
        (f"Tổng cộng: {rows} nhiệm vụ", "Ngày in: 06/08/2025 16:30", "Trang 1/1"),
    )
    return [*lines, *(line.encode() for line in chance.choice(footers))]


def _pack_with_footer(delivery: Delivery, chance: random.Random) -> None:
    """The same below a file that is compressed, or in another encoding."""
    footer = "\n".join(
        line.decode() for line in _write_footer([b""] * (len(delivery.texts) + 1), chance)
    ).strip("\n")
    delivery.format, delivery.below = "csv", footer.split("\n")
    delivery.encoding = chance.choice(["utf-8", "utf-8", "utf-8-sig"])
    delivery.tail = gzip.compress


def _break_off(delivery: Delivery, chance: random.Random) -> None:
    """Zeros where the file was never written: refused, however many rows stand before them."""
    delivery.format = "csv"
    delivery.tail = lambda data: data + b"\0" * chance.choice([1, 64, 5_000])


def _underline_header(lines: list[bytes], chance: random.Random) -> list[bytes]:
    widths = [chance.randint(3, 30) for _ in lines[0].split(b";")]
    return [lines[0], b";".join(b"-" * width for width in widths), *lines[1:]]


def _change_tones(lines: list[bytes], chance: random.Random) -> list[bytes]:
    """A header that is another word once its tones are heard: `Tiền đô` for `Tiến độ`."""
    title, other = chance.choice([("Tiến độ", "Tiền đô"), ("Hạn", "Hàn"), ("Mã đơn vị", "Mà đón vì")])
    return [lines[0].replace(title.encode(), other.encode(), 1), *lines[1:]]


def _quote_all(lines: list[bytes], chance: random.Random) -> list[bytes]:
    return [b'"' + line.replace(b";", b'";"') + b'"' for line in lines]


def _write_delimiter_in_title(delivery: Delivery, chance: random.Random) -> None:
    """A semicolon that nobody quoted: every cell after it stands under the header beside its own."""
    title = f"{chance.choice(delivery.texts)[HEADERS['title']]};"
    _spoil_lines(lambda lines, _: [line.replace(title.encode(), b"a; b;", 1) for line in lines])(
        delivery, chance
    )


def _shift_texts(delivery: Delivery, chance: random.Random) -> None:
    """As above where only texts stand behind it, of which the last is empty: as many cells as there are headers."""
    row = chance.choice(delivery.texts)
    title = HEADERS["title"]
    delivery.headers = [*(h for h in delivery.headers if h != title), title, "Ghi chú"]
    delivery.truth[row[HEADERS["task_code"]]]["title"] = "a; b"
    written = f"{row[title]};"
    _spoil_lines(lambda lines, _: [line.replace(written.encode(), b"a; b;", 1) for line in lines])(
        delivery, chance
    )


LINES: dict[str, Spoiler] = {
    "blank records": _spoil_lines(
        lambda lines, chance: _insert(lines, chance.choice([b";;;;;;", b" ;;;;;;", b";;;;;;\r"]), chance)
    ),
    "joined exports": _spoil_lines(_join_exports),
    "everything quoted": _spoil_lines(_quote_all),
    "delimiters at the end": _spoil_lines(
        lambda lines, chance: [lines[0], *(line + b";" * chance.choice([1, 3]) for line in lines[1:])]
    ),
    "delimiter that is not quoted": _write_delimiter_in_title,
    "delimiter that is not quoted, before texts": _shift_texts,
    "footer of a client": _spoil_lines(_write_footer),
    "footer of a packed file": _pack_with_footer,
    "zeros at the end": _break_off,
    "line below the header": _spoil_lines(_underline_header),
    "header with other tones": _spoil_lines(_change_tones),
    "ends of lines": _spoil_lines(lambda lines, chance: [chance.choice([b"\r\n", b"\r"]).join(lines)]),
}
KINDS = DIRT | LINES


def make_delivery(chance: random.Random, number: int) -> Delivery:
    """A clean delivery, or one with one kind of dirt; numbers in a row have each kind in turn."""
    delivery = make_clean(chance)
    kinds = ["clean", *KINDS]
    delivery.kind = kinds[number % len(kinds)]
    if delivery.kind in KINDS:
        KINDS[delivery.kind](delivery, chance)
    return delivery
