"""Index 766 of a province small enough to count by hand (small_warehouse.py), and its code lists."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest
import yaml

from pipelines.settings import PROJECT
from tests.unit.small_warehouse import Built

DBT = PROJECT / "dbt_project"


def read_seed(name: str) -> list[dict[str, str]]:
    with (DBT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_components_are_100_points_and_no_items_have_more_than_their_component() -> None:
    maxima = {row["component"]: int(row["maximum"]) for row in read_seed("index_components")}
    assert sum(maxima.values()) == 100
    for component, maximum in maxima.items():
        items = [row for row in read_seed("index_items") if row["component"] == component]
        assert items and sum(int(row["maximum"] or 0) for row in items) <= maximum, component


def test_an_item_that_is_not_scored_says_why_in_a_word_of_the_code_list() -> None:
    reasons = {row["reason"] for row in read_seed("index_reasons")}
    for row in read_seed("index_items"):
        assert row["missing_reason"] in {"", *reasons}, row["item"]
        assert row["scoring"] in ("target", "linear", "unconfirmed", "none"), row["item"]
        assert bool(row["full_from"]) == (row["scoring"] == "target"), row["item"]
        assert row["source_document"], row["item"]


def fetch_items(built: Built, unit: str) -> dict[str, tuple[Any, ...]]:
    """Item → numerator, denominator, lost, rate, points, reason; since counting began."""
    rows = built.rows(
        "select item, numerator, denominator, lost, rate, points, missing_reason from marts.service_quality_items "
        f"where unit_code = '{unit}' and period = 'since_start'"
    )
    return {item: tuple(values) for item, *values in rows}


@pytest.mark.slow
def test_the_items_of_the_whole_are_those_counted_by_hand(built: Built) -> None:
    items = fetch_items(built, "province")
    # A ended in time; B and C are past due. J came in June and is still open.
    assert items["2.1"] == (1, 3, 2, pytest.approx(1 / 3), pytest.approx(20 / 3), None)
    # The portal counted 100 where two had been received by its capture; C came a second later.
    assert items["1.4"] == (2, 100, 98, 0.02, None, "points_unconfirmed")
    assert items["3.3"] == (2, 3, 1, pytest.approx(2 / 3 * 0.02), None, "points_unconfirmed")
    assert items["3.1"][:4] == (1, 1, 0, 1.0) and items["3.2"][:4] == (1, 1, 0, 1.0)
    assert items["4.2"][:4] == (3, 3, 0, 1.0)
    # No result is needed, no fee is borne: nothing to score is not 0 points.
    assert items["4.1"][3:] == items["3.6"][3:] == (None, None, "nothing_to_count")
    # F4 is past its own due time; F1 was answered in time, F2 withdrawn. F1 is dissatisfied, too.
    assert items["5.2"][:4] == (2, 3, 1, pytest.approx(2 / 3))
    assert items["5.3"][:4] == (2, 4, 2, 0.5)
    # A is complained of, B and C are late: all three are lost, each once.
    assert items["5.4"] == (0, 3, 3, 0.0, 0.0, None)
    assert items["1.1"] == (None, None, None, None, None, "no_source")


@pytest.mark.slow
def test_a_unit_has_what_is_its_own_and_a_department_without_procedures_has_nothing_to_score(
    built: Built,
) -> None:
    new, two, department = (fetch_items(built, unit) for unit in ("NEW", "HAI", "D1"))
    assert new["2.1"][:3] == (1, 2, 1) and two["2.1"][5] == "nothing_to_count"
    assert new["1.4"][5] == two["1.4"][5] == "only_for_the_whole"
    assert two["3.2"][:3] == (0, 1, 1) and department["3.1"][5] == "nothing_to_count"


@pytest.mark.slow
def test_what_has_no_points_lowers_the_coverage_and_never_the_score(built: Built) -> None:
    rows = built.rows(
        "select component, points, covered, coverage, working_covered from marts.service_quality_index "
        "where unit_code = 'province' and period = 'since_start'"
    )
    components = {component: tuple(values) for component, *values in rows}
    assert components["progress"] == (pytest.approx(20 / 3), 20, 1.0, 20)
    assert components["digitisation"] == (None, 0, 0.0, 0)
    assert components["total"] == (pytest.approx(20 / 3), 26, 0.26, 20 + 12 + 13)


@pytest.mark.slow
def test_every_day_has_the_total_of_what_was_counted_to_its_end(built: Built) -> None:
    rows = built.rows(
        "select day(as_of_day), points, covered, working_covered from marts.service_quality_index_daily "
        "where unit_code = 'province'"
    )
    days = {day: tuple(values) for day, *values in rows}
    # On the 1st A and B are in term, A is complained of; C comes on the 2nd; B and C are past due on the 3rd.
    assert days == {
        1: (pytest.approx(20 + 6 * (1 / 2) / 0.9), 26, 45),
        2: (pytest.approx(20 + 6 * (2 / 3) / 0.9), 26, 45),
        3: (pytest.approx(20 / 3), 26, 45),
        4: (pytest.approx(20 / 3), 26, 45),
    }


@pytest.mark.slow
def test_the_newest_day_is_the_total_since_counting_began_for_every_unit(built: Built) -> None:
    columns = "unit_code, points, covered, points_share, working_points, working_covered"
    total = "component = 'total' and period = 'since_start'"
    newest = "as_of_day = (select max(as_of_day) from marts.service_quality_index_daily)"
    days = built.rows(f"select {columns} from marts.service_quality_index_daily where {newest} order by all")
    assert days == built.rows(f"select {columns} from marts.service_quality_index where {total} order by all")
    assert len(days) > 1


@pytest.mark.slow
def test_the_portal_stands_beside_our_own_points_and_a_part_is_not_compared_with_a_whole(
    built: Built,
) -> None:
    rows = built.rows(
        "select province_code, component, points, national_rank, own_points, own_coverage, difference "
        "from marts.service_quality_national where component in ('progress', 'digitisation', 'total') order by all"
    )
    own = pytest.approx(20 / 3)
    # The whole: 20/3 + 2 + 4 + 6 × (2/3 × 0,02 ÷ 0,5) + 5 × 2/3 + 2 × 1/2 + 0.
    assert [row for row in rows if row[0] == "40"] == [
        ("40", "digitisation", None, None, None, 0.0, None),
        ("40", "progress", 9.0, 2, own, 1.0, pytest.approx(9 - 20 / 3)),
        ("40", "total", 9.5, 1, pytest.approx(17.16), 0.45, None),
    ]
    assert [row[3:] for row in rows if row[:2] == ("01", "progress")] == [(1, None, None, None)]


@pytest.mark.slow
def test_trace_chooses_exactly_the_dossiers_that_an_item_lost(built: Built) -> None:
    path = DBT / "models" / "marts" / "service_quality" / "service_quality_items_v1.yml"
    [model] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    condition = re.sub(r"\$(\w+)", r"items.\1", model["config"]["meta"]["trace"]["condition"])
    rows = built.rows(
        "select period, unit_code, item, lost_dossiers, (select count(*) from marts.service_quality_dossiers "
        f"where {condition}) as traced from marts.service_quality_items as items where lost_dossiers is not null"
    )
    assert [row for row in rows if row[3] != row[4]] == []
    assert sum(row[3] for row in rows) > 20
