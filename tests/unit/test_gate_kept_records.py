"""Counts that only grow, and changes without a new time of writing: two deliveries by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.gate.evaluate import Comparand, evaluate_release
from pipelines.gate.facts import Fact
from pipelines.gate.kept_records import (
    list_fallen_counts,
    list_jumped_values,
    list_undated_changes,
)
from pipelines.gate.release_rules import read_release_rules

BEFORE = {"01": 800_000, "42": 160_000, "38": 90_000, "44": 10, "46": 100, "48": 100, "52": 100}


def compare(folder: Path, now: Mapping[str, int]) -> list[tuple[float, float, tuple[str, ...]]]:
    files = []
    for name, counts in (("before", BEFORE), ("now", now)):
        path = folder / f"{name}.parquet"
        pq.write_table(
            pa.table(
                {"province_code": list(counts), "received_total": pa.array(counts.values(), pa.int64())}
            ),
            path,
        )
        files.append([str(path)])
    with duckdb.connect() as con:
        facts = list(list_fallen_counts(con, "national_ranking", ["province_code"], *files))
    assert [fact.scope for fact in facts] == ["national_ranking: received_total"]
    return [(fact.value, fact.weight, fact.details) for fact in facts]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (0.0, 0.0, ())),
        # Ours is zero; one is corrected; one of a handful is gone; one grows; one is no longer there.
        ({"42": 0, "38": 89_100, "44": 0, "01": 820_000},
         (1.0, 160_000, ("received_total 42: 160000 → 0, 38: 90000 → 89100",))),
        # The portal answers zeros: three are named, the others counted.
        (dict.fromkeys(BEFORE, 0),
         (1.0, 800_000, ("received_total 01: 800000 → 0, 38: 90000 → 0, 42: 160000 → 0, (+3)",))),
    ],
)  # fmt: skip
def test_what_fell_is_named_with_both_counts(
    tmp_path: Path, changes: dict[str, int], expected: tuple[float, float, tuple[str, ...]]
) -> None:
    assert compare(tmp_path, BEFORE | changes) == [expected]


def test_who_is_no_longer_listed_fell_from_nothing(tmp_path: Path) -> None:
    assert compare(tmp_path, {"01": 800_000}) == [(0.0, 0.0, ())]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([0.7, 0.6, 0.8, 0.5], (1.0, 4.0, "total_points 4 of 4, × 0.01")),
        ([7_000, 6_000, 80, 50], (0.5, 2.0, "total_points 2 of 4, × 50.5")),
        # Better and worse; five times as much is not more than that; no points at all are no points before.
        ([71, 59, 81.5, 50], (0.0, 0.0, None)),
        ([14, 300, 80, 50], (0.0, 0.0, None)),
    ],
)
def test_numbers_of_another_unit_are_counted(
    tmp_path: Path, points: list[float], expected: tuple[float, float, str | None]
) -> None:
    files = []
    for name, values in (("before", [70, 60, 80, 50, 0]), ("now", [*points, 9])):
        path = tmp_path / f"{name}.parquet"
        columns = {"province_code": list("abcde"), "total_points": pa.array(values, pa.float64())}
        pq.write_table(pa.table(columns), path)
        files.append([str(path)])
    with duckdb.connect() as con:
        [fact] = list_jumped_values(con, "national_index", ["province_code"], *files)
    value, weight, details = expected
    assert (fact.value, fact.weight, fact.details) == (value, weight, (details,) if details else ())


def test_each_number_of_a_record_is_measured_by_itself(tmp_path: Path) -> None:
    files = []
    for name, totals, progress in (("before", [70, 60, 80], [9, None, 0]), ("now", [7, 61, 8], [9, 8, 7])):
        path = tmp_path / f"{name}.parquet"
        columns = {
            "province_code": list("abc"),
            "total_points": pa.array(totals, pa.float64()),
            "progress_points": pa.array(progress, pa.float64()),
        }
        pq.write_table(pa.table(columns), path)
        files.append([str(path)])
    with duckdb.connect() as con:
        facts = {f.scope: f for f in list_jumped_values(con, "national_index", ["province_code"], *files)}
    # Of three totals two are a tenth; of the progress only one record had a number before.
    total, progress_fact = (
        facts["national_index: total_points"],
        facts["national_index: progress_points"],
    )
    assert (round(total.value, 3), total.weight) == (0.667, 2)
    assert total.details == ("total_points 2 of 3, × 0.1",)
    assert (progress_fact.value, progress_fact.details) == (0.0, ())
    assert len(facts) == 2


SEEN, LATER = datetime(2025, 8, 1, 8), datetime(2025, 8, 7, 8)
ISSUE_COLUMNS = {"issue_code", "status", "severity", "last_update_at", "due_at"}


def write_issues(path: Path, changes: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """Forty open issues; `changes`: number → what is otherwise. Who is severe nobody says unless a change does."""
    rows = [
        {"issue_code": f"VM-{n}", "status": "new", "severity": None, "due_at": None, "last_update_at": SEEN}
        | dict(changes.get(n, {}))
        for n in range(40)
    ]
    schema = pa.schema(
        [("issue_code", pa.string()), ("status", pa.string()), ("severity", pa.string()),
         ("due_at", pa.timestamp("us")), ("last_update_at", pa.timestamp("us"))]
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return [str(path)]


STILL, MOVED = {"status": "resolved"}, {"status": "resolved", "last_update_at": LATER}
TOUCHED, RATED = {"last_update_at": LATER}, {"severity": "low"}


@pytest.mark.parametrize(
    ("changes", "mapped", "expected"),
    [
        # Half of them were closed, and nothing says when somebody touched them.
        (dict.fromkeys(range(20), STILL), ISSUE_COLUMNS, (1.0, 20.0, "20 of 20")),
        # As a source does it; one correction by hand.
        (dict.fromkeys(range(20), MOVED), ISSUE_COLUMNS, (0.0, 0.0, "0 of 20")),
        (dict.fromkeys(range(19), MOVED) | {30: STILL}, ISSUE_COLUMNS, (0.05, 1.0, "1 of 20")),
        # A new time alone is no change; a time that there never was cannot stand still.
        (dict.fromkeys(range(20), TOUCHED), ISSUE_COLUMNS, (0.0, 0.0, "0 of 0")),
        (dict.fromkeys(range(20), STILL | {"last_update_at": None}), ISSUE_COLUMNS, (0.0, 0.0, "0 of 0")),
        # A column that the place maps only since is full where it was empty: no record changed.
        (dict.fromkeys(range(40), RATED), ISSUE_COLUMNS, (0.0, 0.0, "0 of 0")),
        # What the place does not map is nobody's word.
        (dict.fromkeys(range(20), STILL), ISSUE_COLUMNS - {"last_update_at"}, None),
        (dict.fromkeys(range(20), STILL), {"issue_code", "last_update_at"}, None),
    ],
)  # fmt: skip
def test_records_that_changed_while_their_time_of_writing_stood_still(
    tmp_path: Path,
    changes: Mapping[int, Mapping[str, Any]],
    mapped: set[str],
    expected: tuple[float, float, str] | None,
) -> None:
    before = write_issues(tmp_path / "before.parquet", {})
    now = write_issues(tmp_path / "now.parquet", changes)
    with duckdb.connect() as con:
        facts = list(list_undated_changes(con, "issue_register", ["issue_code"], before, now, mapped=mapped))
    assert [(f.fact, f.scope) for f in facts] == [("undated_changes", "issue_register")] * bool(expected)
    assert [(f.value, f.weight, f.details[0]) for f in facts] == [expected] * bool(expected)


def test_a_log_is_compared_by_all_rows_of_a_dossier_and_by_the_later_of_both_times(tmp_path: Path) -> None:
    columns = ("dossier_code", "recorded_at", "synced_at", "status_code")
    earlier = [("A", SEEN, SEEN, 2), ("B", SEEN, SEEN, 2), ("C", SEEN, SEEN, 2)]
    # A went on, B was corrected in place, C was corrected and synced again.
    later = [("A", SEEN, SEEN, 2), ("A", LATER, LATER, 4), ("B", SEEN, SEEN, 4), ("C", SEEN, LATER, 4)]
    files = []
    for name, rows in (("before", earlier), ("now", later)):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows]), path)
        files.append([str(path)])
    with duckdb.connect() as con:
        [fact] = list_undated_changes(con, "dossier_log", ["dossier_code"], *files, mapped=columns)
    assert fact.details == ("1 of 3", "`recorded_at`, `synced_at`")


def test_who_is_told_of_numbers_that_jumped_is_told_of_a_new_period_too() -> None:
    """On its first day all that is counted since its start begins anew: nothing is wrong then."""
    [rule] = [rule for rule in read_release_rules({}) if rule.rule == "values_jumped"]
    fact = Fact("values_jumped", "national_ranking: received_total", 1.0, 34, ("34 of 34, × 0.02",))
    [verdict] = [v for v in evaluate_release([rule], [fact], Comparand({})) if v.outcome != "passed"]
    assert (verdict.outcome, rule.expectation.severity) == ("warned", "warning")
    assert "where a new period began there is nothing to do" in verdict.next_en
    assert "nếu kỳ mới bắt đầu thì không cần làm gì" in verdict.next_vi
