"""Characters that a reader does not see or takes for others: which there are, by code point and name.

What only looks like another sign comes from Unicode's own table of confusables (UTS 39), read only when a
text holds more than plain letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

import duckdb
from duckdb.func import FunctionNullHandling

from pipelines.sources.contracts.names import find_closest

# As SQL knows `describe_characters`.
FUNCTION = "describe_characters"
VIETNAMESE = frozenset(
    unicodedata.normalize("NFC", letter + tone)
    for letter in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
) | frozenset("đĐ")
# Ð and ð are drawn as Đ and đ in every Vietnamese font.
_DRAWN_AS = {"\u00d0": "Đ", "\u0189": "Đ", "\u00f0": "đ", "\u0256": "đ"}
_UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me")


def describe_characters(text: str | None) -> str | None:
    """`U+0410 CYRILLIC CAPITAL LETTER A (looks like A)`, each once; None where every sign is what it seems."""
    if not text or not text.strip():
        return None
    normal = unicodedata.normalize("NFC", text)
    signs = [_describe(sign) for sign in dict.fromkeys(normal) if sign != " "]
    return ", ".join(sign for sign in signs if sign) or None


@cache
def _describe(sign: str) -> str | None:
    if "!" <= sign <= "~" or sign in VIETNAMESE:
        return None
    name = f"U+{ord(sign):04X} {unicodedata.name(sign, 'without a name')}"
    if unicodedata.category(sign) in _UNSEEN:
        return f"{name} (not seen)"
    alike = _find_alike(sign)
    return f"{name} (looks like {alike})" if alike else None


def _find_alike(sign: str) -> str | None:
    """The plain sign or Vietnamese letter that it is taken for."""
    from confusable_homoglyphs import confusables

    if sign in _DRAWN_AS:
        return _DRAWN_AS[sign]
    wide = unicodedata.normalize("NFKC", sign)
    if wide != sign and wide.isascii():
        return wide
    for match in confusables.is_confusable(sign, greedy=True) or []:
        for glyph in match["homoglyphs"]:
            letters = str(glyph["c"])
            if letters.isascii() or letters in VIETNAMESE:
                return letters
    return None


def find_closest_header(name: str, headers: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The most similar of `headers`, signs that only look like others taken for them; None where nothing is near."""
    plain = {write_plainly(header): header for header in headers}
    near = find_closest(write_plainly(name), plain, cutoff)
    return plain[near] if near else None


def write_plainly(text: str) -> str:
    """The text as it looks: a Cyrillic or full-width letter as the plain one."""
    return "".join(_find_plain(sign) for sign in unicodedata.normalize("NFC", text))


@cache
def _find_plain(sign: str) -> str:
    return (_describe(sign) and _find_alike(sign)) or sign


def register_characters(con: duckdb.DuckDBPyConnection) -> None:
    """`describe_characters(text)` in this connection and its cursors; registering it again changes nothing."""
    try:
        con.create_function(
            FUNCTION,
            describe_characters,
            ["VARCHAR"],
            "VARCHAR",
            null_handling=FunctionNullHandling.SPECIAL,
        )
    except (duckdb.CatalogException, duckdb.NotImplementedException):
        return
