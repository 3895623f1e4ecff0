"""Small counts: nothing below five is published, and nothing published gives one away."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.privacy.suppression import (
    SMALLEST,
    SumGroup,
    find_determined_rows,
    find_withheld,
    find_withheld_totals,
)


def test_a_count_from_one_to_four_is_withheld_and_zero_and_five_are_not() -> None:
    assert find_withheld([[0], [1], [4], [5], [310_903]], []) == {1, 2}


def test_a_rest_gives_its_part_away_so_the_row_goes_whole() -> None:
    # 100 received, 98 online: two people came in person.
    assert find_withheld([[100, 98, 100 - 98], [100, 90, 10]], []) == {0}


def test_a_single_gap_under_a_total_takes_the_smallest_neighbour_with_it() -> None:
    # 3 + 20 + 9 + 50 = 82: without row 2 the total would tell the 3.
    assert find_withheld([[3], [20], [9], [50], [82]], [SumGroup((0, 1, 2, 3), 4)]) == {0, 2}


def test_two_gaps_that_add_up_to_a_small_count_are_not_enough() -> None:
    # 1 + 2 = 3 is a count below five as well: 7 goes too.
    assert find_withheld([[1], [2], [7], [90], [100]], [SumGroup((0, 1, 2, 3), 4)]) == {0, 1, 2}


def test_a_neighbour_of_nobody_hides_nothing() -> None:
    # Withholding only the zero row beside the 3 would leave 3 + 0 = 3.
    assert find_withheld([[3], [0], [40], [60], [103]], [SumGroup((0, 1, 2, 3), 4)]) == {0, 2}


def test_the_total_goes_where_nothing_else_is_left() -> None:
    assert find_withheld([[3], [3]], [SumGroup((0,), 1)]) == {0, 1}
    assert find_withheld([[3], [0], [3]], [SumGroup((0, 1), 2)]) >= {0, 2}


def test_a_running_total_that_would_give_a_day_away_waits_until_enough_have_come() -> None:
    # Day by day 20, 3, 2, 9 dossiers; the running total 20, 23, 25, 34. Known: 20, 25 (3 + 2) and 34.
    day = [date(2025, 7, n) for n in range(1, 5)]
    periods = {n: (d, d) for n, d in enumerate(day)} | {4 + n: (day[0], d) for n, d in enumerate(day)}
    counts = [[20], [3], [2], [9], [20], [23], [25], [34]]
    assert find_withheld_totals(periods, counts) == {1, 2, 5}


def test_what_came_late_for_an_earlier_day_is_not_given_away_by_the_total() -> None:
    # Nothing is received on the second day, yet the total of both grows by 2: two came late for the first.
    one, two = date(2025, 7, 1), date(2025, 7, 2)
    assert find_withheld_totals({0: (one, one), 1: (two, two), 2: (one, two)}, [[20], [0], [22]]) == {1, 2}


def test_what_came_before_the_first_day_is_not_given_away_by_a_longer_period() -> None:
    # On the first day 20; the week, begun a day before, says 22 (2 before); the year says 90.
    first = date(2025, 7, 1)
    periods = {0: (first, first), 1: (date(2025, 6, 30), first), 2: (date(2025, 1, 1), first)}
    assert find_withheld_totals(periods, [[20], [22], [90]]) == {1}
    assert find_withheld_totals(periods, [[20], [25], [27]]) == {2}


def test_periods_that_are_never_told_by_the_day_have_no_differences() -> None:
    months = {0: (date(2025, 7, 1), date(2025, 7, 31)), 1: (date(2025, 8, 1), date(2025, 8, 31))}
    assert find_withheld_totals(months, [[40], [42]]) == set()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=2, max_size=25))
def test_no_two_published_running_totals_differ_by_a_small_count(came: list[tuple[int, int]]) -> None:
    """Days, weeks and since the start, each with two counts: whatever is left is subtracted from whatever."""
    day = [date(2025, 7, 1) + timedelta(days=first) for first in range(len(came))]
    starts = [day[0] + timedelta(days=first) for first in range(0, len(came), 7)]
    spans = [(d, d) for d in day] + [(day[0], d) for d in day]
    spans += [(max(s for s in starts if s <= d), d) for d in day]
    counts = [
        [sum(c[k] for c, d in zip(came, day, strict=True) if a <= d <= b) for k in (0, 1)] for a, b in spans
    ]
    hidden = find_withheld(counts, [], frozenset(find_withheld_totals(dict(enumerate(spans)), counts)))
    left = [first for first in range(len(spans)) if first not in hidden]
    for first, second in itertools.permutations(left, 2):
        same_end, same_start = spans[first][1] == spans[second][1], spans[first][0] == spans[second][0]
        if same_end or same_start:
            assert not any(0 < x - y < SMALLEST for x, y in zip(counts[first], counts[second], strict=True))


def test_a_table_without_small_counts_is_published_whole() -> None:
    assert find_withheld([[10], [20], [30]], [SumGroup((0, 1), 2)]) == set()


def test_a_bridge_between_two_cycles_is_found_by_the_equations() -> None:
    # Each line misses two or more, yet row 0 is the only one that two separate pairs leave open.
    lines = [SumGroup((0, 1, 2), 10), SumGroup((1, 2), 11)]
    assert find_determined_rows({0, 1, 2}, lines) == {0}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_withheld_row_of_a_table_with_margins_can_be_worked_out(data: st.DataObject) -> None:
    """Units × sectors with both margins and the grand total: an attacker has every equation."""
    height, width = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    values = [[data.draw(st.integers(0, 30)) for _ in range(width)] for _ in range(height)]
    for row in values:
        row.append(sum(row))
    values.append([sum(column) for column in zip(*values, strict=True)])
    number = {cell: n for n, cell in enumerate(itertools.product(range(height + 1), range(width + 1)))}
    counts = [[values[y][x]] for y, x in number]
    lines = [
        SumGroup(tuple(number[y, x] for x in range(width)), number[y, width]) for y in range(height + 1)
    ] + [SumGroup(tuple(number[y, x] for y in range(height)), number[height, x]) for x in range(width + 1)]
    hidden = find_withheld(counts, lines)
    assert all(n in hidden for n, (value,) in enumerate(counts) if 0 < value < SMALLEST)
    assert not _worked_out(hidden, lines)


def _worked_out(hidden: set[int], lines: list[SumGroup]) -> set[int]:
    """Independent of the code under test: exact elimination with fractions, cell by cell."""
    from fractions import Fraction

    order = sorted(hidden)
    rows = [
        [Fraction(-1 if cell == line.total else 1) if cell in line.members else Fraction(0) for cell in order]
        for line in lines
    ]
    solved, pivot_row = set(), 0
    for column in range(len(order)):
        pivot = next(
            (row_number for row_number in range(pivot_row, len(rows)) if rows[row_number][column]), None
        )
        if pivot is None:
            continue
        rows[pivot_row], rows[pivot] = rows[pivot], rows[pivot_row]
        lead = rows[pivot_row][column]
        rows[pivot_row] = [value / lead for value in rows[pivot_row]]
        for row_number in range(len(rows)):
            if row_number != pivot_row and rows[row_number][column]:
                factor = rows[row_number][column]
                rows[row_number] = [
                    a - factor * b for a, b in zip(rows[row_number], rows[pivot_row], strict=True)
                ]
        pivot_row += 1
    for row in rows:
        unsolved = [order[n] for n, value in enumerate(row) if value]
        if len(unsolved) == 1:
            solved.add(unsolved[0])
    return solved
