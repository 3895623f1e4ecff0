"""What an .xls tells that its reader does not: number formats, hidden rows and columns, filters.

Container: [MS-CFB]; records: [MS-XLS] 2.4. Standard library only: the limited process imports it
(`workbook_child`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.sources.files.formats.workbook_formats import BUILT_IN, tells_more
from pipelines.sources.files.formats.workbook_hidden import NOTHING_HIDDEN, Hidden

# Chains end with one of the numbers above this.
LAST_SECTOR = 0xFFFFFFF9
BOUNDSHEET, FORMAT, XF = 0x85, 0x41E, 0xE0
ROW, COLINFO, FILTERMODE, EOF = 0x208, 0x7D, 0x9B, 0x0A
FORMULA, NUMBER, RK, MULRK = 0x06, 0x203, 0x27E, 0xBD


class BiffSheet(NamedTuple):
    """`formats`: (row, column, number format) of cells whose format tells more than their number, in order."""

    formats: list[tuple[int, int, str]]
    hidden: Hidden


def read_biff(data: bytes) -> dict[str, BiffSheet]:
    """Sheet name → what it tells; nothing where the container or its records are not as described."""
    try:
        return dict(_read_sheets(_find_stream(data)))
    except (struct.error, IndexError, KeyError, ValueError, UnicodeDecodeError):
        return {}


def _find_stream(data: bytes) -> bytes:
    """The stream `Workbook` (or `Book`) of the container."""
    sector, small_sector = 1 << _u16(data, 30), 1 << _u16(data, 32)
    fat_sectors = [_u32(data, 76 + 4 * n) for n in range(109)]
    more = _u32(data, 68)
    for _ in range(_u32(data, 72)):
        numbers = struct.unpack_from(f"<{sector // 4}I", data, (more + 1) * sector)
        fat_sectors += numbers[:-1]
        more = numbers[-1]
    fat: list[int] = []
    for number in fat_sectors:
        if number < LAST_SECTOR:
            fat += struct.unpack_from(f"<{sector // 4}I", data, (number + 1) * sector)

    def chain(first: int, table: list[int], content: bytes, size: int, start: int) -> bytes:
        parts = []
        for _ in range(len(table)):
            if first >= LAST_SECTOR:
                break
            parts.append(content[start + first * size : start + (first + 1) * size])
            first = table[first]
        return b"".join(parts)

    folder = chain(_u32(data, 48), fat, data, sector, sector)
    entries = {}
    for at in range(0, len(folder) - 127, 128):
        name = folder[at : at + max(_u16(folder, at + 64) - 2, 0)].decode("utf-16-le")
        entries[name] = (_u32(folder, at + 116), _u32(folder, at + 120))
    first, size = entries.get("Workbook") or entries["Book"]
    if size >= _u32(data, 56):
        return chain(first, fat, data, sector, sector)[:size]
    small_table = chain(_u32(data, 60), fat, data, sector, sector)
    small_fat = list(struct.unpack(f"<{len(small_table) // 4}I", small_table))
    small = chain(entries["Root Entry"][0], fat, data, sector, sector)
    return chain(first, small_fat, small, small_sector, 0)[:size]


def _read_sheets(stream: bytes) -> Iterator[tuple[str, BiffSheet]]:
    formats, styles, sheets = dict(BUILT_IN), list[int](), list[tuple[str, int]]()
    for kind, content in _list_records(stream, 0):
        if kind == FORMAT:
            formats[_u16(content, 0)] = _text(content, 4, _u16(content, 2), content[4])
        elif kind == XF:
            styles.append(_u16(content, 2))
        elif kind == BOUNDSHEET:
            sheets.append((_text(content, 7, content[6], content[7]), _u32(content, 0)))
    codes = {number: formats.get(style, "") for number, style in enumerate(styles)}
    telling = {number: code for number, code in codes.items() if tells_more(code)}
    for name, at in sheets:
        yield name, _read_sheet(stream, at, telling)


def _read_sheet(stream: bytes, at: int, styles: dict[int, str]) -> BiffSheet:
    cells: list[tuple[int, int, str]] = []
    rows, columns, is_filtered = list[int](), list[int](), False
    for kind, content in _list_records(stream, at):
        if kind == ROW and _u16(content, 12) & 0x20:
            rows.append(_u16(content, 0))
        elif kind == COLINFO and _u16(content, 8) & 1:
            columns += range(_u16(content, 0), min(_u16(content, 2), 255) + 1)
        elif kind == FILTERMODE:
            is_filtered = True
        elif kind in (NUMBER, RK, FORMULA):
            row, column, style = struct.unpack_from("<3H", content)
            if style in styles:
                cells.append((row, column, styles[style]))
        elif kind == MULRK:
            row, column = struct.unpack_from("<2H", content)
            for place in range((len(content) - 6) // 6):
                if (style := _u16(content, 4 + 6 * place)) in styles:
                    cells.append((row, column + place, styles[style]))
    hidden = Hidden(rows, columns, is_filtered) if rows or columns or is_filtered else NOTHING_HIDDEN
    return BiffSheet(sorted(cells), hidden)


def _list_records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records of the substream that begins here, up to its end."""
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<2H", stream, at)
        if kind == EOF:
            return
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _text(content: bytes, at: int, length: int, flags: int) -> str:
    """A string of [MS-XLS]: a byte of flags stands at `at`, then one or two bytes per letter."""
    if flags & 1:
        return content[at + 1 : at + 1 + 2 * length].decode("utf-16-le")
    return content[at + 1 : at + 1 + length].decode("latin-1")


def _u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<H", data, at)[0])


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
