"""A text as a reader sees it, letter for letter: full-width signs as plain ones, no accents, nothing invisible.

Personal data are searched for in it; each of its signs knows its place in the text as written.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

# Nobody sees them: format characters, soft hyphens, marks that stand on other letters.
_UNSEEN = ("Cf", "Mn", "Me", "Cc")
_ALIKE = str.maketrans("‐‑‒–—―−﹘﹣·•∙⋅đĐ", "-" * 9 + "." * 4 + "dD")
# A letter O among digits, or before them where no word ends, is typed for a zero.
_ZERO = re.compile(r"[oO](?<![A-Za-z].)(?=\d)")


class Skeleton(NamedTuple):
    """`text`: plain signs. `offsets`: where each stands in `written`; None where they are the same."""

    text: str
    offsets: list[int] | None
    written: str

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original that this span of the skeleton stands for."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end] if end < len(self.offsets) else len(self.written)

    def read_written(self, start: int, end: int) -> str:
        """What this span stands for with its accents, each letter one sign; a span may pass the text's ends."""
        first, last = (
            self.locate(max(0, start), min(end, len(self.text))) if start < len(self.text) else (0, 0)
        )
        return unicodedata.normalize("NFKC", self.written[first:last])


class _Plain(dict[int, str]):
    """Code point → its plain signs, worked out once. `odd`: those that are no sign or more than one."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: set[str] = set()

    def __missing__(self, code: int) -> str:
        self[code] = plain = _make_plain(chr(code))
        if len(plain) != 1:
            self.odd.add(chr(code))
        return plain


_PLAIN = _Plain()


def make_skeleton(text: str) -> Skeleton:
    """Upper and lower case stay; a line feed stays and parts what stands before it from what follows."""
    plain = text.translate(_PLAIN)
    if _PLAIN.odd.isdisjoint(text):
        return Skeleton(_ZERO.sub("0", plain), None, text)
    offsets = [offset for offset, sign in enumerate(text) for _ in _PLAIN[ord(sign)]]
    return Skeleton(_ZERO.sub("0", plain), offsets, text)


def _make_plain(sign: str) -> str:
    if sign in "\n\r":
        return "\n"
    if sign == "\t":
        return " "
    plain = []
    for part in unicodedata.normalize("NFKD", sign.translate(_ALIKE)):
        category = unicodedata.category(part)
        if category in _UNSEEN:
            continue
        if category in ("Nd", "No") and (digit := unicodedata.digit(part, None)) is not None:
            plain.append(str(digit))
        else:
            plain.append(" " if category == "Zs" else part.translate(_ALIKE))
    return "".join(plain)
