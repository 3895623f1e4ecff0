"""Texts whose letters are not those that were written: another encoding, a font of before Unicode, lost letters.

They are detected, never guessed at (docs/domain.md §7). The patterns are read by DuckDB (RE2) and Python alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# What cp1252 makes of the bytes 80–BF, which follow the first byte of a Vietnamese letter in UTF-8.
_CONTINUATION = "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"
# Double-encoded UTF-8 ("Nghá»‡"; "à" keeps only its Ã when blanks are trimmed), and the replacement character.
MOJIBAKE = f"á[º»]{_CONTINUATION}|[ÃÄÆ]{_CONTINUATION}|[a-z]Ã|\ufffd"
# Fonts of TCVN 5712 (.VnTime), as Latin-1: signs and capitals within words ("x· Hoµ B×nh", "®Êt ViÖt").
TCVN3 = (
    "[A-Za-z][µ¸¶]|(^|[ ,(])[A-Za-z]{1,3}·( |$)|[a-z]·[a-z]|[a-z][¨©«»¼½¾Æ][a-z]|[a-z]ª([a-z ]|$)|[a-z]¬"
    "|[§®][a-z¨-þ]|[a-z][ÇËÎÏÖØÜÞ][a-z]|[a-z]Ý[a-z]{2}|[A-Za-z]×[a-z]{2}"
)
# VNI fonts: a vowel's tone is a letter behind it ("xaõ", "Vieät", "Sôû"); no two such stand so in a Vietnamese word.
VNI = (
    "(?i:[aeo]â|aê|[ae][àáã]|[aeôöy]ù|[aeoôöuy]ø|[aeôöuy]û|[aeo][åä]|aü|[aeôöuy]õ|[ôöuy]ï"
    "|ñ[aeoôöu][âêøùûõïåäüë])"
)
# What a text column without such letters made of them: "Tr?n ??c". Within words only: a question is none.
LOST_LETTERS = "(^|[ ,(])[A-Za-zÀ-ỹ]*[?]+[a-zđ]"
MISREAD = "|".join((MOJIBAKE, TCVN3, VNI, LOST_LETTERS))
_FONTS = {"TCVN3 (.VnTime)": re.compile(TCVN3), "VNI": re.compile(VNI)}


def describe_fonts(headers: Iterable[str]) -> str | None:
    """For which fonts of before Unicode these headers were written, and what helps; None where no sign tells of one."""
    texts = list(headers)
    fonts = [name for name, pattern in _FONTS.items() if any(pattern.search(text) for text in texts)]
    if not fonts:
        return None
    return f"the headers look written for {' or '.join(fonts)} fonts: ask for the export in Unicode"
