"""The dossier marts of a small province, counted again dossier by dossier (tests/naive.py)."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from pipelines.settings import PROJECT
from tests import naive
from tests.conftest import Province

pytestmark = pytest.mark.slow

AS_OF = datetime(2025, 8, 6, 23, 59, 59)
FORM = ("received_online", "received_other", "carried_over", "resolved_early", "resolved_on_time",
        "resolved_late", "open_in_term", "open_overdue")  # fmt: skip


@pytest.fixture(scope="module")
def again(small_province: Province) -> list[naive.Dossier]:
    accepted = sorted(small_province.settings.quality.glob("dossier_log/*/*.accepted.parquet"))
    return naive.dossiers(naive.read(accepted), AS_OF, PROJECT / "reference" / "unit_mapping.csv")


@pytest.fixture(scope="module")
def marts(small_province: Province) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(small_province.settings.exports / "marts.duckdb"), read_only=True)


def test_every_unit_s_online_rate_and_late_arrivals(
    again: list[naive.Dossier], marts: duckdb.DuckDBPyConnection
) -> None:
    rows = marts.execute(
        "select unit_code, denominator, numerator, late_arrivals from online_submission_rate "
        "where period = 'since_2025_07_01' and as_of = ? and unit_level <> 'province' and denominator > 0",
        [AS_OF],
    ).fetchall()
    assert {unit: tuple(counts) for unit, *counts in rows} == naive.online(again, AS_OF, datetime(2025, 7, 1))


@pytest.mark.parametrize("month", [date(2025, 7, 1), date(2025, 8, 1)])
def test_every_line_of_form_ii06a(
    again: list[naive.Dossier], marts: duckdb.DuckDBPyConnection, month: date
) -> None:
    rows = marts.execute(
        f"select unit_code, sector_code, {', '.join(FORM)} from report_ii06a where month = ?", [month]
    ).fetchall()
    published = {(unit, sector): dict(zip(FORM, counts, strict=True)) for unit, sector, *counts in rows}
    counted = naive.form_ii06a(again, month, AS_OF)
    assert counted
    for key in published.keys() | counted.keys():
        shown = {name: n for name, n in published.get(key, {}).items() if n}
        assert shown == dict(counted.get(key, {})), key


def test_how_long_it_took_in_working_days(
    again: list[naive.Dossier], marts: duckdb.DuckDBPyConnection
) -> None:
    calendar = naive.Calendar(PROJECT / "reference" / "working_day_overrides.csv")
    taken = sorted(
        calendar.between(d.received.date(), d.ended.date())
        for d in again
        if d.received and d.ended and d.ended >= datetime(2025, 7, 1)
    )
    # The least number of days within which half, and nine tenths, were finished.
    half, nine_tenths = taken[(len(taken) + 1) // 2 - 1], taken[-(-9 * len(taken) // 10) - 1]
    assert marts.execute(
        "select finished, median_working_days, p90_working_days from dossier_timeliness "
        "where period = 'since_2025_07_01' and unit_code = 'province' and sector_code = 'all'"
    ).fetchall() == [(len(taken), half, nine_tenths)]
