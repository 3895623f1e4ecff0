"""Each kind of boundary is tried on every run: statement by statement, room by room, file by file."""

from __future__ import annotations

from tests.support.boundaries import choose_boundaries

CROSSED = [
    "before rename to a.json",
    "after rename to a.json",
    "after create table lake.marts.x as select 1",
    "after insert into lake.marts.x select 1",
    "after insert into lake.marts.y select 1",
    "after insert into lake.marts.z select 1",
    "after insert into lake.audit.x select 1",
    "after delete from lake.marts.x",
    "after commit",
    "before rename to b.json",
    "after rename to b.json",
]


def test_the_first_and_the_last_of_each_kind_are_tried() -> None:
    numbers = [number for number, _ in choose_boundaries(CROSSED, every=False)]
    assert numbers == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]


def test_the_full_matrix_leaves_none_out() -> None:
    assert choose_boundaries(CROSSED, every=True) == list(enumerate(CROSSED, start=1))
