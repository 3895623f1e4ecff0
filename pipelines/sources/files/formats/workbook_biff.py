"""What an .xls tells that its reader does not: number formats, hidden rows and columns, filters, struck-out cells.

A record that is not as described costs what it tells, and is counted.

Container: [MS-CFB]; records: [MS-XLS] 2.4. Standard library only: the limited process imports it
(`workbook_child`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.sources.files.formats.workbook_formats import BUILT_IN, tells_more
from pipelines.sources.files.formats.workbook_hidden import (
    LEAST_HEIGHT,
    LEAST_WIDTH,
    NOTHING_HIDDEN,
    Hidden,
)

# Chains end with one of the numbers above this.
LAST_SECTOR = 0xFFFFFFF9
BOF, BOUNDSHEET, FORMAT, XF, FONT = 0x809, 0x85, 0x41E, 0xE0, 0x31
ROW, COLINFO, FILTERMODE, EOF = 0x208, 0x7D, 0x9B, 0x0A
FORMULA, NUMBER, RK, MULRK = 0x06, 0x203, 0x27E, 0xBD
LABELSST, LABEL, RSTRING = 0xFD, 0x204, 0xD6
BIFF8 = 0x600
# Formats with a smaller number are built in: they stand in no record.
FIRST_OWN_FORMAT = 164
# A row's height in twentieths of a point; the highest bit stands for the default.
LEAST_TWIPS = 20 * LEAST_HEIGHT
BROKEN = (struct.error, IndexError, KeyError, ValueError, UnicodeDecodeError)


class BiffSheet(NamedTuple):
    """`formats`: (row, column, number format) of cells whose format tells more than their number, in order.

    `unread`: cells, rows and columns whose format or visibility cannot be told; `struck`: (row, column) of those whose
    font is struck out.
    """

    name: str
    formats: list[tuple[int, int, str]]
    hidden: Hidden
    unread: int
    struck: list[tuple[int, int]]


def read_biff(data: bytes) -> list[BiffSheet | None]:
    """The sheets in their order, None for one that cannot be told; nothing where the container is not as described."""
    try:
        return list(_read_sheets(_find_stream(data)))
    except BROKEN:
        return []


def _find_stream(data: bytes) -> bytes:
    """The stream `Workbook` (or `Book`) of the container."""
    sector, small_sector = 1 << _u16(data, 30), 1 << _u16(data, 32)
    fat_sectors = [_u32(data, 76 + 4 * n) for n in range(109)]
    more = _u32(data, 68)
    for _ in range(_u32(data, 72)):
        if more >= LAST_SECTOR:
            break
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
        name = folder[at : at + max(_u16(folder, at + 64) - 2, 0)].decode("utf-16-le", "replace")
        entries[name] = (_u32(folder, at + 116), _u32(folder, at + 120))
    first, size = entries.get("Workbook") or entries["Book"]
    if size >= _u32(data, 56):
        return chain(first, fat, data, sector, sector)[:size]
    small_table = chain(_u32(data, 60), fat, data, sector, sector)
    small_fat = list(struct.unpack(f"<{len(small_table) // 4}I", small_table))
    small = chain(entries["Root Entry"][0], fat, data, sector, sector)
    return chain(first, small_fat, small, small_sector, 0)[:size]


def _read_sheets(stream: bytes) -> Iterator[BiffSheet | None]:
    formats: dict[int, str | None] = dict(BUILT_IN)
    styles, sheets = list[int | None](), list[tuple[str, int] | None]()
    fonts, fonts_of_styles = list[bool](), list[int]()
    is_biff8 = _u16(stream, 4) >= BIFF8
    for kind, content in _list_records(stream, 0):
        if kind == FORMAT:
            formats.update(_read_format(content, is_biff8=is_biff8))
        elif kind == XF:
            styles.append(_u16(content, 2) if len(content) >= 4 else None)
            fonts_of_styles.append(_u16(content, 0) if len(content) >= 4 else 0)
        elif kind == FONT:
            fonts.append(len(content) >= 4 and bool(_u16(content, 2) & 0x08))
        elif kind == BOUNDSHEET:
            sheets.append(_read_place(content, is_biff8=is_biff8))
    codes = [_find_code(formats, style) for style in styles]
    # No font has number 4.
    fonts[4:4] = [False]
    struck = {n for n, font in enumerate(fonts_of_styles) if font < len(fonts) and fonts[font]}
    for sheet in sheets:
        try:
            yield _read_sheet(stream, *sheet, codes, struck) if sheet else None
        except BROKEN:
            yield None


def _read_format(content: bytes, *, is_biff8: bool) -> dict[int, str | None]:
    """{number: format}, None for one that cannot be read; nothing where its number cannot."""
    if len(content) < 2:
        return {}
    length = _u16(content, 2) if is_biff8 and len(content) > 4 else content[2] if len(content) > 2 else 0
    try:
        code = _text(content, 4, length, content[4]) if is_biff8 else _bytes(content, 3, length)
    except BROKEN:
        return {_u16(content, 0): None}
    return {_u16(content, 0): code}


def _read_place(content: bytes, *, is_biff8: bool) -> tuple[str, int] | None:
    """A sheet's name and where it begins; None where the record does not tell."""
    try:
        length = content[6]
        name = _text(content, 7, length, content[7]) if is_biff8 else _bytes(content, 7, length)
        return name, _u32(content, 0)
    except BROKEN:
        return None


def _find_code(formats: dict[int, str | None], style: int | None) -> str | None:
    """The number format of a style; `""` for one that tells no more than the number, None for one that is not told."""
    if style is None or (style >= FIRST_OWN_FORMAT and style not in formats):
        return None
    code = formats.get(style, "")
    return code if code is None or tells_more(code) else ""


def _read_sheet(
    stream: bytes, name: str, at: int, codes: list[str | None], struck_styles: set[int]
) -> BiffSheet | None:
    if at + 4 > len(stream) or _u16(stream, at) != BOF:
        return None
    cells: list[tuple[int, int, str]] = []
    rows, columns, is_filtered, unread = list[int](), list[int](), False, 0
    struck: list[tuple[int, int]] = []
    for kind, content in _list_records(stream, at):
        try:
            if kind == ROW and (_u16(content, 12) & 0x20 or _u16(content, 6) < LEAST_TWIPS):
                rows.append(_u16(content, 0))
            elif kind == COLINFO and (_u16(content, 8) & 1 or _u16(content, 4) < 256 * LEAST_WIDTH):
                columns += range(_u16(content, 0), min(_u16(content, 2), 255) + 1)
            elif kind == FILTERMODE:
                is_filtered = True
            if struck_styles and kind in (LABELSST, LABEL, RSTRING):
                row, column, style = struct.unpack_from("<3H", content)
                struck += [(row, column)] if style in struck_styles else []
            for row, column, style in _list_styles(kind, content):
                struck += [(row, column)] if style in struck_styles else []
                if (code := codes[style]) is None:
                    unread += 1
                elif code:
                    cells.append((row, column, code))
        except BROKEN:
            unread += 1
    hidden = Hidden(rows, columns, is_filtered) if rows or columns or is_filtered else NOTHING_HIDDEN
    return BiffSheet(name, sorted(cells), hidden, unread, struck)


def _list_styles(kind: int, content: bytes) -> Iterator[tuple[int, int, int]]:
    """(row, column, style) of each number in a record."""
    if kind in (NUMBER, RK, FORMULA):
        row, column, style = struct.unpack_from("<3H", content)
        yield row, column, style
    elif kind == MULRK:
        row, column = struct.unpack_from("<2H", content)
        for place in range((len(content) - 6) // 6):
            yield row, column + place, _u16(content, 4 + 6 * place)


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
        return _slice(content, at + 1, 2 * length).decode("utf-16-le")
    return _bytes(content, at + 1, length)


def _bytes(content: bytes, at: int, length: int) -> str:
    return _slice(content, at, length).decode("latin-1")


def _slice(content: bytes, at: int, length: int) -> bytes:
    """ValueError where the record ends before."""
    if at + length > len(content):
        raise ValueError("a text is longer than its record")
    return content[at : at + length]


def _u16(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<H", data, at)[0])


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
