"""Which boundaries of a stage are tried: one of each kind on every run, every one of them by `make test-full`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

EXTENT = pytest.mark.parametrize(
    "every", [pytest.param(False, id="each kind"), pytest.param(True, id="all", marks=pytest.mark.full)]
)


def choose_boundaries(boundaries: Sequence[str], every: bool) -> list[tuple[int, str]]:
    """(number from 1, name) of those to die at: all, or of each kind the first and the last.

    The very first and the very last boundary of a stage are among them, whatever their kind.
    """
    numbered = list(enumerate(boundaries, start=1))
    if every:
        return numbered
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for number, name in numbered:
        first.setdefault(kind_of(name), number)
        last[kind_of(name)] = number
    chosen = {*first.values(), *last.values()}
    return [(number, name) for number, name in numbered if number in chosen]


def kind_of(name: str) -> str:
    """`after insert into lake.marts.x select …` → `after insert into lake.marts`; a rename by its suffix."""
    moment, _, rest = name.partition(" ")
    if rest.startswith("rename to "):
        return f"{moment} rename to {'.'.join(rest.split('.')[1:])}"
    verb = re.match(r"[a-z]+(?: (?:into|from|or replace|table|view|schema))*", rest.lower())
    assert verb is not None, name
    schema = re.search(r"[\w\"]+\.[\w\"]+(?=\.)", rest)
    return f"{moment} {verb.group()} {schema.group() if schema else ''}".strip()
