"""A seeded mutator: a few changes to the bytes of a seed, the same for the same number on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

# Bytes that readers are known to stumble over.
SPICES = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b'""', b"'", b"\\", b"\r", b"\n", b"\r\n", b";", b",", b"\t",
    b"{", b"}", b"[", b"]", b"[" * 200, b'{"a":' * 150, b":", b"null", b"true", b"NaN", b"-0", b"1e400", b"1e300000000",
    b"9" * 50, b"9" * 5000, b"0x10", b"=1+1", b"%", b"${PATH}", b"{partition}", b"../", b"\x1b[31m", b"\xe2\x80\x8b",
    "Ð".encode(), "ế".encode(), "e\u0301".encode(), b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"0912345678", b"a@b.vn",
    b"2025-02-30", b"31/12/9999", b"--", b"/*", b"';", b"*", b"&a", b"*a", b"!!python/object", b"<<:",
    b"|", b"> ", b"# ",
    b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff", b"PK\x03\x04", b"\x1f\x8b", b"PAR1",
)  # fmt: skip
MOST_CHANGES = 8
LONGEST = 2**17


def mutate(seeds: Sequence[bytes], number: int) -> bytes:
    """Input `number`: one of the seeds with up to eight changes; number 0 and on are the seeds as they are."""
    if number < len(seeds):
        return seeds[number]
    draw = random.Random(number)
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.randint(1, MOST_CHANGES)):
        draw.choice(CHANGES)(data, draw, seeds)
        if not data:
            data += draw.choice(SPICES)
    return bytes(data[:LONGEST])


def _place(data: bytearray, draw: random.Random) -> int:
    return draw.randrange(len(data) + 1)


def _flip(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _replace(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    data[draw.randrange(len(data))] = draw.randrange(256)


def _insert(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    place = _place(data, draw)
    data[place:place] = draw.choice(SPICES)


def _overwrite(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    place, spice = _place(data, draw), draw.choice(SPICES)
    data[place : place + len(spice)] = spice


def _delete(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    place = _place(data, draw)
    del data[place : place + draw.choice((1, 2, 8, 64, 512))]


def _cut(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    del data[_place(data, draw) :]


def _repeat(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    place = _place(data, draw)
    part = bytes(data[place : place + draw.choice((1, 8, 64))])
    data[place:place] = part * draw.choice((1, 2, 20))


def _move(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    place, other = _place(data, draw), _place(data, draw)
    part = bytes(data[place : place + 32])
    del data[place : place + 32]
    data[other:other] = part


def _splice(data: bytearray, draw: random.Random, seeds: Sequence[bytes]) -> None:
    other = draw.choice(seeds)
    data[_place(data, draw) :] = other[draw.randrange(len(other) + 1) :]


CHANGES: tuple[Callable[[bytearray, random.Random, Sequence[bytes]], None], ...] = (
    _flip, _replace, _insert, _insert, _overwrite, _delete, _cut, _repeat, _move, _splice,
)  # fmt: skip
