"""Names as people type them: folded for comparing headers, and the nearest known one for a misspelt one.

Only headers and keys are ever folded, never data (DOMAIN §6: unaccented names collide).
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable


def fold(header: str) -> str:
    """`"Mã  hồ sơ "` → `"mahoso"`."""
    plain = unicodedata.normalize("NFKD", header.casefold().replace("đ", "d"))
    return "".join(c for c in plain if c.isalnum())


def closest(name: object, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The most similar of `known`, compared folded; None where nothing is near."""
    by_fold = {fold(k): k for k in known if fold(k)}
    near = difflib.get_close_matches(fold(str(name)), list(by_fold), 1, cutoff)
    return by_fold[near[0]] if near else None


def nearest(name: object, known: Iterable[str]) -> str:
    """`; did you mean `x`?`, or nothing."""
    near = closest(name, known)
    return f"; did you mean `{near}`?" if near else ""
