"""Whether the texts of a delimited file may need cleaning, told from its bytes while they are hashed.

Cleaning every cell in SQL (NFC, blanks) costs as much again as copying the file, and hardly any file needs it.
"""

from __future__ import annotations

import numpy as np

# Blanks that cleaning turns into plain ones, in UTF-8: no-break space, en quad, em quad.
BLANKS = (b"\xc2\xa0", b"\xe2\x80\x80", b"\xe2\x80\x81")
# A constant formula around a text, as spreadsheets are told that it is one.
GUARDS = (b'="', b"=\xe2\x80\x9c", b"=\xe2\x80\x9d", b"=\xe2\x80\x9e")
# Two first bytes of letters that NFC leaves alone: Vietnamese (ế, ợ), punctuation (–, “), currency (₫).
STABLE = ((0xE1, 0xBA), (0xE1, 0xBB), (0xE2, 0x80), (0xE2, 0x82))
# From here on a first byte may begin a combining mark, or a letter that NFC writes in another way.
FIRST_UNSTABLE = 0xCC
# So many bytes of a piece must be looked at again before the next one.
OVERLAP = 3


def needs_cleaning(piece: bytes, ends: bytes) -> bool:
    """`ends`: the signs that end a cell, the delimiter first. Never false where a cell would change.

    Comparisons of whole arrays: from half a second (ASCII) to one second (Vietnamese) per GB and core.
    """
    if any(guard in piece for guard in GUARDS):
        return True
    if any(blank[:1] in piece and blank in piece for blank in BLANKS):
        return True
    signs = np.frombuffer(piece, np.uint8)
    blank, end = _is_one_of(signs, b" \t".replace(ends[:1], b"")), _is_one_of(signs, ends)
    if (blank[1:] & end[:-1]).any() or (blank[:-1] & end[1:]).any():
        return True
    return not piece.isascii() and _has_unstable_letters(signs)


def _has_unstable_letters(signs: np.ndarray) -> bool:
    # A letter that the piece cuts is looked at with the next one.
    places = np.flatnonzero(signs[:-1] >= FIRST_UNSTABLE)
    first, second = signs[places], signs[places + 1]
    is_stable = np.zeros(len(places), dtype=bool)
    for pair in STABLE:
        is_stable |= (first == pair[0]) & (second == pair[1])
    return not bool(is_stable.all())


def _is_one_of(signs: np.ndarray, choices: bytes) -> np.ndarray:
    is_any = signs == choices[0]
    for sign in choices[1:]:
        is_any |= signs == sign
    return is_any
