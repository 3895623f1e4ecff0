"""Which numbers of a public table are withheld, so that no count of 1 to 4 can be read or worked out.

Here a row has one or more counts that go together; the open data gives every cell of its tables as a row of one.
The rule, in four steps:
1. A row is withheld when one of its counts is from 1 to 4; so is the rest between a whole and its part (received −
   online), which the caller gives as a count. Zero stays: there is nobody behind it (docs/domain.md §8).
2. Where published totals exist (`SumGroup`), what is withheld under one total must be at least two rows, and must
   not add up to a small count again: the smallest published row next to it goes too, at last the total.
3. Rows can lie under several totals. Whatever the equations together still determine (linear algebra over the
   withheld rows) gets one more row withheld with it, until nothing is determined.
4. Steps 2 and 3 repeat until neither finds anything. Which rows are withheld depends on the data alone.
Before them, of running totals (`differenced`): the difference of two of them is the count of the days between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

SMALLEST = 5


@dataclass(frozen=True)
class SumGroup:
    """Rows that add up: `parts` to `total` (row numbers); no total where none is published."""

    parts: tuple[int, ...]
    total: int | None

    @property
    def members(self) -> tuple[int, ...]:
        return self.parts if self.total is None else (*self.parts, self.total)


def find_withheld(
    counts: Sequence[Sequence[int]], groups: Sequence[SumGroup], preset: frozenset[int] = frozenset()
) -> set[int]:
    """Row numbers to withhold, those of `preset` among them. `counts`: per row its counts and rests, the
    size-giving one first."""
    hidden = {n for n, row in enumerate(counts) if any(is_small(value) for value in row)} | preset
    closed = [group for group in groups if group.total is not None]
    while True:
        extra = {_choose_next(group, hidden, counts) for group in closed if _reveals(group, hidden, counts)}
        if not extra - {None}:
            readable = find_determined_rows(hidden, closed)
            extra = {_choose_next(group, hidden, counts) for group in closed if readable & set(group.members)}
        if not extra - {None}:
            return hidden
        hidden |= {row for row in extra if row is not None}


def find_withheld_totals(
    periods: Mapping[int, tuple[date, date]], counts: Sequence[Sequence[int]]
) -> set[int]:
    """Rows of one subject to withhold, so that no two of those left differ by a small count.

    `periods`: row → first and last day. The running total is let be known at the end of a day only where
    what came since the last known end is nothing or not small; then so is every difference. A row is read
    as the total at its last day less that at the eve of its first: both must be known.
    """
    days = {last: row for row, (first, last) in periods.items() if first == last}
    if not days:
        return set()
    totals: dict[date, dict[date, int]] = {}
    for row, (first, last) in periods.items():
        totals.setdefault(first, {})[last] = row
    opening, eve = min(days), timedelta(days=1)
    published_days, reached = {opening - eve}, opening - eve
    since = np.zeros(len(counts[0]), dtype=int)
    for day in sorted(days):
        since += counts[days[day]]
        # The totals themselves as well: they hold what came late for the days before.
        moved = [
            np.subtract(counts[ends[day]], counts[ends[reached]])
            for ends in totals.values()
            if day in ends and reached in ends
        ]
        if not any(is_small(abs(value)) for step in (since, *moved) for value in step):
            published_days.add(day)
            reached = day
            since[:] = 0
    # Periods that began before the first day here, from the latest backwards.
    until = np.array(counts[days[opening]])
    begun = {first: row for row, (first, last) in periods.items() if first < last == opening}
    for first in sorted(begun, reverse=True):
        if not any(is_small(value) for value in np.array(counts[begun[first]]) - until):
            published_days.add(first - eve)
            until = np.array(counts[begun[first]])
    return {row for row, (first, last) in periods.items() if not {first - eve, last} <= published_days}


def is_small(value: int) -> bool:
    """From 1 to 4: somebody could be recognised. Zero is nobody (docs/domain.md §8)."""
    return 0 < value < SMALLEST


def _reveals(group: SumGroup, hidden: set[int], counts: Sequence[Sequence[int]]) -> bool:
    gone = [row for row in group.members if row in hidden]
    if len(gone) < 2:
        return len(gone) == 1
    if group.total in hidden:
        return False
    return any(is_small(sum(values)) for values in zip(*(counts[row] for row in gone), strict=True))


def _choose_next(group: SumGroup, hidden: set[int], counts: Sequence[Sequence[int]]) -> int | None:
    """The next row to withhold in this group: the smallest that counts anything, the total last."""
    left = [row for row in group.parts if row not in hidden]
    if left:
        return min(left, key=lambda row: (counts[row][0] == 0, counts[row], row))
    return group.total if group.total not in hidden else None


def find_determined_rows(hidden: set[int], groups: Sequence[SumGroup]) -> set[int]:
    """Withheld rows whose value follows from the published rows and the groups' equations."""
    determined: set[int] = set()
    for rows, equations in _components(hidden, groups):
        columns = {row: column for column, row in enumerate(rows)}
        matrix = np.zeros((len(equations), len(rows)))
        for equation, group in enumerate(equations):
            for row in group.members:
                if row in columns:
                    matrix[equation, columns[row]] = -1.0 if row == group.total else 1.0
        _, values, vectors = np.linalg.svd(matrix)
        free = vectors[int((values > 1e-9).sum()) :]
        for row, column in columns.items():
            if not free.size or np.abs(free[:, column]).max() < 1e-9:
                determined.add(row)
    return determined


def _components(hidden: set[int], groups: Sequence[SumGroup]) -> list[tuple[list[int], list[SumGroup]]]:
    """Withheld rows that share equations, each set with its own."""
    components: list[tuple[set[int], list[SumGroup]]] = []
    for group in groups:
        rows, equations = hidden & set(group.members), [group]
        if not rows:
            continue
        apart = []
        for component in components:
            if component[0] & rows:
                rows |= component[0]
                equations += component[1]
            else:
                apart.append(component)
        components = [*apart, (rows, equations)]
    return [(sorted(rows), equations) for rows, equations in components]
