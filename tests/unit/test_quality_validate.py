"""Batches → accepted | rejected: nothing lost, nothing half-visible, every stop says what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines import duck
from pipelines.landing.batches import Batch, LandingError, write_batch
from pipelines.quality import split
from pipelines.quality import validate as validation
from pipelines.quality.expectations import ExpectationRaised, RuleResult
from pipelines.quality.reconcile import Unbalanced, reconcile_batch
from pipelines.quality.reports import read_report
from pipelines.quality.suite import Expectation
from pipelines.quality.validate import find_pending, group_batches, validate_batches
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source

RULES: list[dict[str, Any]] = [
    {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "case_id"},
        "severity": "critical",
        "meta": {"rule": "case_missing", "reason_en": "no case", "reason_vi": "Thiếu mã"},
    },
    {
        "type": "expect_column_values_to_be_null",
        "kwargs": {"column": "channel__raw"},
        "severity": "critical",
        "meta": {"rule": "channel_unknown", "reason_en": "unknown channel", "reason_vi": "Kênh lạ"},
    },
    {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "case_id", "regex": "^C-"},
        "severity": "warning",
        "meta": {"rule": "case_malformed", "reason_en": "odd case", "reason_vi": "Mã lạ"},
    },
]


def source(tmp_path: Path, rules: list[dict[str, Any]] = RULES, **options: Any) -> Source:
    suite = tmp_path / "log.json"
    suite.write_text(json.dumps({"name": "log", "expectations": rules}), encoding="utf-8")
    channel = {"1": "in_person", "2": "online"}
    content = {
        "name": "log",
        "title_vi": "",
        "connector": "files",
        "grain": "case",
        "key": ["case_id"],
        "partitioning": "snapshot_day",
        "path": "x.csv",
        "format": "csv",
        "datetime_formats": ["%Y-%m-%d %H:%M"],
        "max_rejected_share": 0.5,
        "suite": str(suite),
        "columns": [
            {"name": "case_id", "required": True},
            {"name": "channel", "value_map": channel, "default": "in_person"},
            {"name": "seen_at", "type": "timestamp"},
        ],
    }
    return Source.model_validate(content | options)


def landed(
    settings: Settings, rows: Sequence[tuple[str | None, ...]], day: str = "2025-08-06",
    names: Sequence[str] = ("case_id", "channel", "seen_at"),
) -> Batch:  # fmt: skip
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        columns = {n: pa.array([row[i] for row in rows], pa.string()) for i, n in enumerate(names)}
        table = {"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **columns}
        pq.write_table(pa.table(table), out)
        return "by hand", ()

    return write_batch(settings.landing, "log", day, write, run_id="test")


SOUND = ("C-1", "2", "2025-08-06 16:00")


def rows_of(path: Path, what: str = "*") -> list[tuple[Any, ...]]:
    return duckdb.sql(f"select {what} from '{path}' order by _row").fetchall()


def test_accepted_rows_are_typed_and_carry_batch_day_and_row(tmp_path: Path, settings: Settings) -> None:
    batch = landed(settings, [SOUND, ("C-2", None, "2025-08-06 09:30")])
    [report] = validate_batches(source(tmp_path), [batch], settings)
    day = date(2025, 8, 6)
    assert rows_of(report.accepted) == [
        (batch.batch_id, day, 1, "C-1", "online", datetime(2025, 8, 6, 16, 0)),
        (batch.batch_id, day, 2, "C-2", "in_person", datetime(2025, 8, 6, 9, 30)),
    ]
    assert (report.rows_rejected, report.rejected.exists(), report.blocked) == (0, False, False)


def test_a_rejected_row_keeps_its_texts_every_broken_rule_and_the_reasons(
    tmp_path: Path, settings: Settings
) -> None:
    batch = landed(settings, [SOUND, ("  ", "9", " 2025-08-06 16:00")])
    [report] = validate_batches(source(tmp_path), [batch], settings)
    [row] = rows_of(report.rejected, "_row, source, row_key, case_id, channel, seen_at, failures")
    assert row[:6] == (2, "log", "  ", "  ", "9", " 2025-08-06 16:00")
    assert row[6] == [
        {"rule": "case_missing", "column_name": "case_id", "bad_value": "  ", "reason_en": "no case",
         "reason_vi": "Thiếu mã"},
        {"rule": "channel_unknown", "column_name": "channel", "bad_value": "9",
         "reason_en": "unknown channel", "reason_vi": "Kênh lạ"},
    ]  # fmt: skip


def test_a_phone_in_the_wrong_column_does_not_rest_in_the_rejections(
    tmp_path: Path, settings: Settings
) -> None:
    [report] = validate_batches(source(tmp_path), [landed(settings, [("C-1", "0912345678", None)])], settings)
    assert b"0912345678" not in report.rejected.read_bytes() + report.path.read_bytes()


def test_several_batches_share_a_call_and_each_gets_its_own_failures(
    tmp_path: Path, settings: Settings
) -> None:
    batches = [
        landed(settings, [SOUND] * 3, "2025-08-04"),
        landed(settings, [], "2025-08-05"),
        landed(settings, [SOUND, (None, "1", None), SOUND, ("X", "8", None)], "2025-08-06"),
    ]
    reports = validate_batches(source(tmp_path), batches, settings)
    assert [(r.partition, r.rows_accepted, r.rows_rejected) for r in reports] == [
        ("2025-08-04", 3, 0),
        ("2025-08-05", 0, 0),
        ("2025-08-06", 2, 2),
    ]
    assert {r["rule"]: r["sample_rows"] for r in reports[2].results} == {
        "case_missing": [2],
        "channel_unknown": [4],
        "case_malformed": [4],
        "seen_at_distant": [],
    }
    assert [r["unexpected"] for r in reports[0].results] == [0, 0, 0, 0]
    assert rows_of(reports[2].rejected, "_row, channel") == [(2, "1"), (4, "8")]


def test_a_source_whose_words_all_changed_is_set_aside_batch_by_batch(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split, "MANY", 2)
    batches = [landed(settings, [("C-1", "x", None)] * 2, f"2025-08-0{day}") for day in (4, 5)]
    reports = validate_batches(source(tmp_path), batches, settings)
    assert [(r.rows_rejected, r.blocked) for r in reports] == [(2, True)] * 2
    assert [rows_of(r.rejected, "_row, channel") for r in reports] == [[(1, "x"), (2, "x")]] * 2


def test_batches_of_one_call_may_lack_optional_columns(tmp_path: Path, settings: Settings) -> None:
    batches = [
        landed(settings, [SOUND], "2025-08-05"),
        landed(settings, [("C-7",), (None,)], "2025-08-06", names=["case_id"]),
    ]
    reports = validate_batches(source(tmp_path), batches, settings)
    assert rows_of(reports[1].accepted, "case_id, channel, seen_at") == [("C-7", "in_person", None)]


def test_more_rejections_than_the_threshold_block_the_batch_and_say_why(
    tmp_path: Path, settings: Settings
) -> None:
    log = source(tmp_path, max_rejected_share=0.25)
    at_the_limit = landed(settings, [SOUND] * 3 + [("C-9", "9", None)], "2025-08-05")
    above = landed(settings, [SOUND] * 2 + [("X-9", "9", None)], "2025-08-06")
    within, blocked = validate_batches(log, [at_the_limit, above], settings)
    assert (within.blocked, blocked.blocked) == (False, True)
    message = blocked.describe_block(log)
    assert f"log 2025-08-06: batch {above.batch_id} is blocked: 1 of 3 rows rejected (33.3%)" in message
    assert "channel_unknown (1, first row 3: unknown channel; '9')" in message and "25.0%" in message
    assert "last release is still served" in message and "pull the day again" in message
    assert "case_malformed" not in message  # a warning blocks nothing
    # Which key of sources.yaml decides it, and what shows it.
    assert "correct the `value_map` of `channel` of log there and run again" in message
    assert "`thongsuot sources check log --partition 2025-08-06`" in message


def test_the_report_is_read_back_as_it_was(tmp_path: Path, settings: Settings) -> None:
    batch = landed(settings, [SOUND, (None, "1", None)])
    [report] = validate_batches(source(tmp_path), [batch], settings)
    assert read_report(settings.quality, batch) == report


def test_a_corrected_map_takes_rows_out_of_rejection_without_a_new_pull(
    tmp_path: Path, settings: Settings
) -> None:
    batch = landed(settings, [SOUND, ("C-2", "3", None)])
    before = source(tmp_path)
    [first] = validate_batches(before, [batch], settings)
    assert first.rejected.exists() and find_pending(before, [batch], settings.quality) == []
    channel = {"1": "in_person", "2": "online", "3": "postal"}
    columns = [
        {"name": "case_id"},
        {"name": "channel", "value_map": channel},
        {"name": "seen_at", "type": "timestamp"},
    ]  # fmt: skip
    corrected = source(tmp_path, columns=columns)
    assert find_pending(corrected, [batch], settings.quality) == [batch]
    [second] = validate_batches(corrected, [batch], settings)
    assert (second.rows_accepted, second.rejected.exists()) == (2, False)
    assert find_pending(corrected, [batch], settings.quality) == []


def test_validating_again_gives_the_same_bytes(tmp_path: Path, settings: Settings) -> None:
    batch = landed(settings, [SOUND, (None, "1", None), ("C-3", "9", "?")])
    [report] = validate_batches(source(tmp_path), [batch], settings)
    once = [p.read_bytes() for p in (report.accepted, report.rejected, report.path)]
    validate_batches(source(tmp_path), [batch], settings)
    assert [p.read_bytes() for p in (report.accepted, report.rejected, report.path)] == once


def test_an_edited_batch_is_not_judged(tmp_path: Path, settings: Settings) -> None:
    batch = landed(settings, [SOUND])
    batch.path.write_bytes(batch.path.read_bytes() + b" ")
    with pytest.raises(LandingError, match=f"log 2025-08-06: batch {batch.batch_id}"):
        validate_batches(source(tmp_path), [batch], settings)
    assert read_report(settings.quality, batch) is None


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "case_id", "column_B": "seen_at"}),
        ("expect_column_values_to_be_between", {"column": "case_id", "min_value": 1}),  # of a text
        ("expect_column_values_to_be_agreeable", {"column": "case_id"}),
    ],
)
def test_a_rule_that_raises_is_an_error_of_ours_and_accepts_nothing(
    tmp_path: Path, settings: Settings, kind: str, kwargs: dict[str, Any]
) -> None:
    batch = landed(settings, [SOUND])
    meta = {"rule": "odd_rule", "reason_en": "x", "reason_vi": "x"}
    rule = {"type": kind, "kwargs": kwargs, "severity": "warning", "meta": meta}
    with pytest.raises(ExpectationRaised, match="rule odd_rule: the expectation could not be evaluated"):
        validate_batches(source(tmp_path, [*RULES, rule]), [batch], settings)
    assert not list(settings.quality.rglob("*.parquet"))


def test_a_rule_over_a_column_that_does_not_exist_stops_before_anything_is_written(
    tmp_path: Path, settings: Settings
) -> None:
    rule = RULES[0] | {"kwargs": {"column": "chanel"}, "meta": RULES[0]["meta"] | {"rule": "odd_rule"}}
    with pytest.raises(Exception, match="chanel"):
        validate_batches(source(tmp_path, [rule]), [landed(settings, [SOUND])], settings)
    assert not list(settings.quality.rglob("*.parquet"))


def test_a_validation_that_stops_half_way_leaves_no_report(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = landed(settings, [SOUND, ("C-2", "9", None)])
    log = source(tmp_path)
    validate_batches(log, [batch], settings)

    def full_disk(*_: Any, **__: Any) -> int:
        raise OSError("No space left on device")

    monkeypatch.setattr(validation, "write_rejected", full_disk)
    with pytest.raises(OSError, match="No space left"):
        validate_batches(log, [batch], settings)
    assert read_report(settings.quality, batch) is None
    assert find_pending(log, [batch], settings.quality) == [batch]


def test_rows_that_do_not_add_up_are_named_with_source_batch_and_counts(
    tmp_path: Path, settings: Settings
) -> None:
    batch = landed(settings, [SOUND] * 3)
    [report] = validate_batches(source(tmp_path), [batch], settings)
    assert reconcile_batch(batch, report) is report
    pq.write_table(pq.read_table(report.accepted).slice(1), report.accepted)
    with pytest.raises(Unbalanced) as error:
        reconcile_batch(batch, report)
    message = str(error.value)
    assert f"log 2025-08-06: batch {batch.batch_id} does not add up" in message
    assert "landed 3 rows" in message and "accepted 2 + rejected 0 = 2" in message


def test_a_batch_that_needs_more_memory_is_named(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = landed(settings, [SOUND])
    monkeypatch.setenv("THONGSUOT_DUCKDB_MEMORY", "500KB")
    with pytest.raises(duck.NotEnoughMemory, match=f"log 2025-08-06, batch {batch.batch_id}: .*=500KB"):
        validate_batches(source(tmp_path), [batch], settings)


def sized(*rows: int) -> list[Batch]:
    rest = {"sha256": "", "schema_fingerprint": "", "origin": "", "pulled_at": "", "run_id": ""}
    return [Batch(str(i), "log", "2025-08-06", n, folder=Path(), **rest) for i, n in enumerate(rows)]


def test_chunks_hold_whole_batches_up_to_the_limit_in_order() -> None:
    sizes = [[b.rows for b in chunk] for chunk in group_batches(sized(4, 4, 3, 20, 1, 9), limit=10)]
    assert sizes == [[4, 4], [3], [20], [1, 9]]


@hypothesis_settings(max_examples=15, deadline=None)
@given(data=st.data(), sizes=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_whichever_rows_fail_each_is_accepted_or_rejected_exactly_once(
    data: st.DataObject, sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = Settings(data=tmp_path_factory.mktemp("any"))
    log = source(settings.data)
    batches = [
        landed(settings, [(f"C-{i}-{n}", "1", None) for n in range(size)], f"2025-08-{i + 1:02d}")
        for i, size in enumerate(sizes)
    ]
    rows = st.sets(st.integers(0, max(sum(sizes) - 1, 0))) if sum(sizes) else st.just(set())
    # Those of the suite, and that of the column of times.
    chosen = [sorted(data.draw(rows)) for _ in range(len(RULES) + 1)]

    def pick_failures(_: Any, suite: Sequence[Expectation], *__: Any, **___: Any) -> list[RuleResult]:
        return [RuleResult(e, np.array(f, np.int64)) for e, f in zip(suite, chosen, strict=True)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "evaluate_suite", pick_failures)
        reports = validate_batches(log, batches, settings)
    rejected = set(chosen[0]) | set(chosen[1])  # the others warn
    first = 0
    for size, report in zip(sizes, reports, strict=True):
        out = [n for n in range(size) if first + n in rejected]
        kept = [(n + 1,) for n in range(size) if n not in out]
        assert rows_of(report.accepted, "_row") == kept
        assert (rows_of(report.rejected, "_row") if out else []) == [(n + 1,) for n in out]
        assert report.rows_read == size == report.rows_accepted + report.rows_rejected
        first += size


def test_the_key_of_a_row_follows_from_its_place_whichever_file_is_read_first(
    tmp_path: Path, settings: Settings
) -> None:
    batches = [landed(settings, [(f"{day}-{n}", "1", None) for n in range(day)], f"2025-08-{day:02d}")
               for day in (9, 2, 5)]  # fmt: skip
    keyed = validation.assign_keys(batches)
    with duck.connect(settings.extensions) as con:
        rows = con.execute(
            f"select _key, case_id from ({validation.select_landed(keyed)}) order by 1"
        ).fetchall()
    expected = [f"{day}-{n}" for day in (9, 2, 5) for n in range(day)]
    assert rows == list(enumerate(expected))
