"""Of which cut-off the brief tells what came after it."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pytest

from pipelines.exports.brief.content import trend_section
from pipelines.exports.brief.figures import Marts
from pipelines.exports.common import ALIAS, PublishedColumn, PublishedTable

RATE = """
    create table {lake}.marts.online_submission_rate as
    select 'province' as unit_level, period, as_of_day::date as as_of_day, numerator, denominator,
        numerator / denominator as rate
    from (values
        ('since_start', date '2025-08-05', 60, 100), ('since_start', date '2025-08-07', 75, 130),
        ('since_start', date '{last}', 80, 150),
        ('day', date '2025-08-05', 60, 100), ('day', date '2025-08-07', 15, 30), ('day', date '{last}', 5, 20)
    ) as rates (period, as_of_day, numerator, denominator)
"""
HEADLINE = """
    create table {lake}.marts.online_submission_headline as
    select cutoff_at::timestamp as cutoff_at, 0.6::double as rate from (select unnest({cutoffs}) as cutoff_at)
"""


def publish_by_hand(last: str, cutoffs: list[str]) -> Marts:
    con = duckdb.connect()
    con.execute(f"attach ':memory:' as {ALIAS}; create schema {ALIAS}.marts")
    con.execute(RATE.format(lake=ALIAS, last=last))
    con.execute(HEADLINE.format(lake=ALIAS, cutoffs=cutoffs))
    keys = {
        "online_submission_rate": ("period", "as_of_day"),
        "online_submission_headline": ("cutoff_at",),
    }
    tables = []
    for name, key in keys.items():
        described = con.execute(f"describe {ALIAS}.marts.{name}").fetchall()
        columns = tuple(PublishedColumn(column, kind) for column, kind, *_ in described)
        tables.append(PublishedTable("marts", name, columns, key))
    return Marts(con, tables)


@pytest.mark.parametrize(
    ("last", "cutoffs", "cutoff", "counts"),
    [
        # Days after the newest cut-off: of it, not of the one before.
        ("2025-08-20", ["2025-07-22 16:00", "2025-08-06 16:00"], datetime(2025, 8, 6, 16), (20, 50)),
        ("2025-08-20", ["2025-08-06 16:00"], datetime(2025, 8, 6, 16), (20, 50)),
        # On the day of a cut-off, of the one before.
        ("2025-08-20", ["2025-08-06 16:00", "2025-08-20 16:00"], datetime(2025, 8, 6, 16), (20, 50)),
    ],
)
def test_what_came_since_is_told_of_the_newest_cut_off_that_has_days_after_it(
    last: str, cutoffs: list[str], cutoff: datetime, counts: tuple[int, int]
) -> None:
    section = trend_section(publish_by_hand(last, cutoffs))
    assert section is not None
    since = section["received_since"]
    assert since["cutoff"]["cutoff_at"].value == cutoff
    assert (since["numerator"].value, since["denominator"].value) == counts
    assert since["rate"].value == counts[0] / counts[1]


def test_nothing_came_since_a_cut_off_on_the_newest_day() -> None:
    section = trend_section(publish_by_hand("2025-08-20", ["2025-08-20 16:00"]))
    assert section is not None and section["received_since"] is None
