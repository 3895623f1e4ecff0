"""A batch as a whole: usual volume by weekday, freshness, and rules that block it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.batches import Batch, write_batch
from pipelines.quality.reports import Report
from pipelines.quality.suite import SuiteError, read_suite
from pipelines.quality.validate import find_pending, validate_batches
from pipelines.quality.whole import compute_hours_behind, compute_volume_ratio
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source


def batch(day: str, rows: int = 0, pulled_at: str = "2025-08-07 00:30:00") -> Batch:
    return Batch("b", "log", day, rows, "", "", "", pulled_at, "", Path())


def test_the_usual_volume_is_the_median_of_the_same_weekday() -> None:
    # 6 August 2025 is a Wednesday; one Wednesday was a holiday, the Tuesdays do not matter.
    landed = {"2025-07-30": 100, "2025-07-23": 120, "2025-07-16": 0, "2025-07-29": 900, "2025-08-05": 900}
    assert compute_volume_ratio(batch("2025-08-06", 250), landed) == 2.5


@pytest.mark.parametrize(
    "landed",
    [
        {"2025-07-30": 100, "2025-07-23": 100},  # two days are no measure
        {"2025-07-30": 10, "2025-07-23": 12, "2025-07-16": 9},  # nor are a handful of rows
        {"2025-05-28": 100, "2025-05-21": 100, "2025-05-14": 100},  # nor what lies over eight weeks back
    ],
)
def test_too_little_history_says_nothing_of_the_volume(landed: dict[str, int]) -> None:
    assert compute_volume_ratio(batch("2025-08-06", 1), landed) is None


def test_a_batch_is_as_old_as_its_newest_row_at_the_end_of_the_day_or_at_the_pull() -> None:
    noon = datetime(2025, 8, 6, 12)
    assert compute_hours_behind(batch("2025-08-06"), noon) == 12.0
    # 16:00 in Việt Nam is 09:00 UTC: the pull of the cut-off report came before the end of the day.
    assert compute_hours_behind(batch("2025-08-06", pulled_at="2025-08-06 09:00:00"), noon) == 4.0
    assert compute_hours_behind(batch("2025-08-06"), None) is None


def rule(name: str, column: str, severity: str, kind: str = "to_be_null", **kwargs: Any) -> dict[str, Any]:
    return {
        "type": f"expect_column_values_{kind}",
        "kwargs": {"column": column, **kwargs},
        "severity": severity,
        "meta": {"rule": name, "reason_en": name, "reason_vi": name},
    }


UNIT = {"table": "units", "key": "unit_code"}


def source(data: Path, **suite: Any) -> Source:
    path = data / "log.json"
    path.write_text(json.dumps({"name": "log", "expectations": [], **suite}), encoding="utf-8")
    content = {
        "name": "log", "title_vi": "", "connector": "files", "grain": "case", "key": ["case_id"],
        "partitioning": "snapshot_day", "path": "x.csv", "format": "csv", "max_rejected_share": 0.5,
        "suite": str(path), "columns": [{"name": "case_id"}, {"name": "unit_code"}],
    }  # fmt: skip
    return Source.model_validate(content)


def landed(settings: Settings, name: str, day: str, **columns: list[str | None]) -> Batch:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        texts = {c: pa.array(values, pa.string()) for c, values in columns.items()}
        count = len(next(iter(columns.values())))
        pq.write_table(pa.table({"_row": pa.array(range(1, count + 1), pa.int64()), **texts}), out)
        return "by hand", ()

    return write_batch(settings.landing, name, day, write, run_id="test")


def result_of(report: Report, rule: str) -> dict[str, Any]:
    return next(r for r in report.results if r["rule"] == rule)


def test_an_empty_batch_blocks_where_the_suite_says_it_is_critical(settings: Settings) -> None:
    empty = rule("batch_empty", "rows", "critical", "to_be_between", min_value=1)
    log = source(settings.data, batch_expectations=[empty])
    batches = [
        landed(settings, "log", "2025-08-05", case_id=[], unit_code=[]),
        landed(settings, "log", "2025-08-06", case_id=["C-1"], unit_code=[None]),
    ]
    without, within = validate_batches(log, batches, settings)
    assert (without.blocked, within.blocked) == (True, False)
    result = result_of(without, "batch_empty")
    assert (result["scope"], result["evaluated"], result["unexpected"], result["observed"]) == (
        "batch",
        1,
        1,
        0.0,
    )
    assert all(word in without.describe_block(log) for word in ("log 2025-08-05", "batch_empty"))


def test_a_code_is_looked_up_in_the_list_as_landed_and_a_corrected_list_rescues_its_rows(
    settings: Settings,
) -> None:
    unlisted = rule("unit_unlisted", "unit_code__unlisted", "critical")
    log = source(settings.data, helpers={"references": {"unit_code": UNIT}}, expectations=[unlisted])
    cases = landed(settings, "log", "2025-08-06", case_id=["1", "2", "3"], unit_code=["16681", "16690", None])

    [unchecked] = validate_batches(log, [cases], settings)
    assert (unchecked.rows_rejected, unchecked.references) == (0, {})  # no list was landed: nothing is said

    units = landed(settings, "reference_units", "2025-08-01", unit_code=["16681"])
    assert find_pending(log, [cases], settings.quality) == [cases]
    [checked] = validate_batches(log, [cases], settings)
    assert result_of(checked, "unit_unlisted")["samples"] == [
        {"row": 2, "key": "2", "column": "unit_code", "value": "16690"}
    ]
    assert checked.references == {"units": units.batch_id}
    assert find_pending(log, [cases], settings.quality) == []

    landed(settings, "reference_units", "2025-08-02", unit_code=["16681", "16690"])
    assert find_pending(log, [cases], settings.quality) == [cases]
    [rescued] = validate_batches(log, [cases], settings)
    assert rescued.rows_rejected == 0


def test_a_list_that_only_warns_does_not_have_everything_judged_again(settings: Settings) -> None:
    unlisted = rule("unit_unlisted", "unit_code__unlisted", "warning")
    log = source(settings.data, helpers={"references": {"unit_code": UNIT}}, expectations=[unlisted])
    cases = landed(settings, "log", "2025-08-06", case_id=["1"], unit_code=["16690"])
    landed(settings, "reference_units", "2025-08-01", unit_code=["16681"])
    [report] = validate_batches(log, [cases], settings)
    assert (report.rows_rejected, result_of(report, "unit_unlisted")["unexpected"]) == (0, 1)
    landed(settings, "reference_units", "2025-08-02", unit_code=["16690"])
    assert find_pending(log, [cases], settings.quality) == []


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        ({"expectations": [rule("again", "key__repeated", "critical")]}, "only warns"),
        ({"expectations": [rule("moved", "state__move", "warning")]}, "needs `helpers.history`"),
        ({"helpers": {"history": {"entity": ["case_id"]}}}, "`helpers` is wrong"),
        ({"helpers": {"references": {"unit_code": {"tabel": "units"}}}}, "`helpers` is wrong"),
        (
            {"batch_expectations": [rule("odd", "share", "warning")]},
            "only rows, rows_emptied, volume_ratio, hours_behind",
        ),
        (
            {
                "expectations": [rule("twice", "case_id", "info")],
                "batch_expectations": [rule("twice", "rows", "info")],
            },
            "a rule of this name",
        ),
    ],
)
def test_a_suite_that_cannot_be_meant_is_refused_with_its_reason(
    settings: Settings, suite: dict[str, Any], words: str
) -> None:
    path = source(settings.data, **suite).suite_path
    with pytest.raises(SuiteError, match=r"log\.json") as error:
        read_suite(path)
    assert words in str(error.value)


def test_the_rules_over_rows_are_the_rows_of_the_suite(settings: Settings) -> None:
    path = source(settings.data, expectations=[rule("one", "case_id", "info")]).suite_path
    assert [e.rule for e in read_suite(path).rows] == ["one"]
