"""Names as people type them: folded for comparing headers, and the nearest known one for a misspelt one.

Only headers and keys are ever folded, never data (docs/domain.md §6: unaccented names collide).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

# Of longer names only the beginning is compared: likeness takes the square of the length.
LONGEST = 200
# Grave, acute, tilde, hook above, dot below.
TONE = re.compile("[\u0300\u0301\u0303\u0309\u0323]")


def fold_name(header: str) -> str:
    """`"Mã  hồ sơ "` → `"mahoso"`."""
    plain = unicodedata.normalize("NFKD", header.casefold().replace("đ", "d").replace("ð", "d"))
    return "".join(c for c in plain if c.isalnum())


def is_same_name(header: str, name: str) -> bool:
    """Whether a header is the name that it folds to: its tones and vowels are the same, or one of the two has none.

    `Tien do` and `TIẾN ĐỘ` are `Tiến độ`, wherever its tones stand (`Hoà`, `Hòa`); `Tiền đô` is another word.
    """
    one, other = _spell(header), _spell(name)
    return one == other or one.isascii() or other.isascii()


def _spell(name: str) -> str:
    """The letters with their vowel marks, and the tones in their order behind them."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ð", "đ"))
    letters = "".join(sign for sign in plain if sign.isalnum() or unicodedata.combining(sign))
    return TONE.sub("", letters) + "".join(TONE.findall(letters))


def find_closest(name: object, candidates: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The most similar of `candidates`, folded, in any order of words; None where nothing is near."""
    rated = [(_likeness(str(name)[:LONGEST], k), -n, k) for n, k in enumerate(candidates) if fold_name(k)]
    score, _, near = max(rated, default=(0.0, 0, ""))
    return near if score >= cutoff and near else None


def _likeness(one: str, other: str) -> float:
    pairs = ((fold_name(one), fold_name(other)), (_words(one), _words(other)))
    return max(difflib.SequenceMatcher(None, a, b).ratio() for a, b in pairs)


def _words(name: str) -> str:
    """`eventTime` and `time of event` share their words, whatever their order."""
    parts = re.findall(r"[^\W\d_]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))
    return "".join(sorted(fold_name(part) for part in parts))


def suggest_nearest(name: object, candidates: Iterable[str]) -> str:
    """`; did you mean `x`?`, or nothing."""
    near = find_closest(name, candidates)
    return f"; did you mean `{near}`?" if near else ""
