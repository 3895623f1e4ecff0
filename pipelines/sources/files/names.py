"""Names of files that others gave: which are refused, and under which name a file is kept.

A name is the sender's: it may be too long for an archive that adds to it, or hold what a terminal obeys.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

# Bytes that most file systems give a name, less what an archive adds: a hash before it, `.partial` behind.
LONGEST_BYTES = 255 - 64 - 16
LONGEST_SUFFIX = 16


def is_plain_name(name: str) -> bool:
    """Printable UTF-8: no control or invisible characters, no bytes that are no text. A wide blank is one."""
    return all(map(_is_plain, name))


def make_plain_name(name: str) -> str:
    """The name with `_` for every character that is not printable, as long as a file system takes."""
    return fit_name("".join(sign if _is_plain(sign) else "_" for sign in name))


def _is_plain(sign: str) -> bool:
    return sign.isprintable() or unicodedata.category(sign) == "Zs"


def fit_name(name: str) -> str:
    """The name cut before its suffix to as many bytes as an archive has room for; letters stay whole."""
    content = name.encode("utf-8", "surrogateescape")
    if len(content) <= LONGEST_BYTES:
        return name
    suffix = (
        Path(name).suffix
        if len(Path(name).suffix.encode("utf-8", "surrogateescape")) <= LONGEST_SUFFIX
        else ""
    )
    room = LONGEST_BYTES - len(suffix.encode("utf-8", "surrogateescape"))
    return content[:room].decode("utf-8", "ignore") + suffix
