"""Texts in other encodings → UTF-8, as a stream; a wrong encoding is said, and the right one suggested.

Never guessed: cp1258 decodes almost any bytes, so what contradicts the configured encoding is refused.
"""

from __future__ import annotations

import codecs
import io
import unicodedata
from typing import Any, BinaryIO

from pipelines.sources.contracts.names import suggest_nearest

CHUNK = 2**20
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SUGGESTED = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1258", "windows-1252")
VIETNAMESE = frozenset(
    unicodedata.normalize("NFC", letter + tone)
    for letter in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
) | frozenset("đĐ")
# What TCVN3 (ABC) fonts use for Vietnamese letters, seen as bytes.
TCVN3 = frozenset(b"\xa8\xa9\xaa\xab\xac\xad\xae\xb5\xb6\xb7\xb8\xb9\xbb\xbc\xbd\xbe\xc6\xc7\xc8\xc9\xca")


def find_codec(name: str | None) -> str:
    """The codec's canonical name; ValueError with the nearest known one."""
    try:
        info = codecs.lookup(name or "utf-8")
        b"".decode(info.name)
    except (LookupError, TypeError, ValueError):
        raise ValueError(f"`encoding: {name}` is not known{suggest_nearest(name, SUGGESTED)}") from None
    return {"ascii": "utf-8", "utf-8-sig": "utf-8"}.get(info.name, info.name)


def find_contradiction(sample: bytes, encoding: str) -> str | None:
    """Why these first bytes cannot be in `encoding`; None where nothing speaks against it."""
    for bom, name in BOMS:
        if sample.startswith(bom) and not encoding.replace("_", "-").startswith(name):
            return f"it is not {encoding}: it begins with the mark of {name}; set `encoding: {name}`"
    # Behind the text, zeros are what was never written.
    text = sample.rstrip(b"\0")
    zeros = [text[i::2].count(0) for i in (0, 1)]
    if not sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and sum(zeros) > len(text) / 5:
        right = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
        if encoding != right:
            return f"it is not {encoding}: every other byte is zero; set `encoding: {right}`"
    if encoding == "utf-8":
        return None
    # Every other byte of UTF-16 is zero in any text with plain letters.
    is_plain = encoding.startswith("utf-16") and sample.isascii()
    if (is_plain or _is_utf8(sample)) and not (encoding.startswith("utf-16") and b"\0" in sample):
        return f"it is not {encoding}: its bytes are UTF-8; set `encoding: utf-8`"
    return None


def suggest_encoding(sample: bytes) -> str:
    """What to set instead, from bytes that are not in the configured encoding."""
    if reason := find_contradiction(sample, "utf-8"):
        return reason.partition("; ")[2]
    high = [byte for byte in sample if byte > 127]
    if not high:
        return "ask for the export in UTF-8"
    if sum(byte in TCVN3 for byte in high) > 0.6 * len(high):
        return "it looks like TCVN3 (ABC font), which is never guessed at: ask for the export in Unicode"
    read = unicodedata.normalize("NFC", sample.decode("cp1258", errors="replace"))
    strange = [letter for letter in read if ord(letter) > 127]
    if strange and sum(letter in VIETNAMESE for letter in strange) >= 0.9 * len(strange):
        return "it looks like cp1258; set `encoding: cp1258`, and look at the letters with care"
    return "it may be windows-1252; ask how it was exported, best in UTF-8"


def _is_utf8(sample: bytes) -> bool:
    """At least one multi-byte letter, and all of them valid (the sample's end may cut one)."""
    if sample.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(sample, final=False)
    except UnicodeDecodeError:
        return False
    return True


class Utf8(io.RawIOBase):
    """A stream of bytes in `encoding`, read as UTF-8 without a BOM; ValueError names the first bad byte."""

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        self._raw, self._encoding = raw, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._left, self._before, self._ended = b"", 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left and not self._ended:
            self._fill()
        piece = self._left[: len(buffer)]
        buffer[: len(piece)] = piece
        self._left = self._left[len(piece) :]
        return len(piece)

    def _fill(self) -> None:
        chunk = self._raw.read(CHUNK)
        try:
            text = self._decoder.decode(chunk, final=not chunk)
            self._left = text.removeprefix("\ufeff" if self._before == 0 else "").encode()
        except UnicodeError as error:
            at = self._before + getattr(error, "start", 0)
            start = max(0, getattr(error, "start", 0) - 2000)
            hint = suggest_encoding(chunk[start : start + 4000]) if chunk else "was it cut short?"
            raise ValueError(f"byte {at} is not {self._encoding}; {hint}") from None
        self._before += len(chunk)
        self._ended = not chunk

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def open_as_utf8(raw: BinaryIO, encoding: str) -> io.BufferedReader:
    """A buffered stream of UTF-8; the ValueError of a wrong byte comes while it is read."""
    return io.BufferedReader(Utf8(raw, encoding), CHUNK)
