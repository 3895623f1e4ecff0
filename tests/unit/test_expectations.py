"""Every rule of every suite: one row that keeps it, one that breaks it (raw texts, as landed).

Row 1 of each batch is sound; every rule has a row of its own that breaks it, and where it reads what was
delivered before, the row before it. One validation per source.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.landing.batches import Batch, write_batch
from pipelines.privacy.detectors import REMOVED
from pipelines.quality.expectations import evaluate_frame
from pipelines.quality.reports import Report
from pipelines.quality.suite import load_suite, read_suite
from pipelines.quality.validate import validate
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts

CONTRACTS = load_contracts(PROJECT / "sources.yaml")
SUITES = {name: load_suite(source.suite_path) for name, source in CONTRACTS.sources.items()}

Row = dict[str, str | None]

SOUND: dict[str, Row] = {
    "dossier_log": {
        "dossier_code": "H41.16-250722-0001234",
        "procedure_code": "1.012790",
        "procedure_name": "Đăng ký khai sinh",
        "sector_code": "G15-TP01",
        "sector_name": "Hộ tịch",
        "channel": "2",
        "applicant_type": "1",
        "service_level": "4",
        "receiving_unit_code": "16681",
        "processing_unit_code": "16681",
        "status_code": "10",
        "recorded_at": "2025-07-22 16:00:00",
        "synced_at": "2025-07-22 16:05:00",
        "submitted_at": "20250721080000",
        "received_at": "20250721090000",
        "due_at": "20250724170000",
        "finished_at": "20250722153000",
        "returned_at": "20250722160000",
        "refused_at": None,
        "paid_online": "1",
        "is_digitised": "1",
        "has_e_result": "0",
        "supplement_requests": "0",
    },
    "task_tracker": {
        "task_code": "NV-01",
        "title": "Rà soát trụ sở, phòng làm việc",
        "directive_number": "02-KH/BCĐTW",
        "directive_date": "19/06/2025",
        "lead_agency_code": "H41.05",
        "coordinating_agencies": "Sở Nội vụ",
        "owner_level": "province",
        "unit_code": None,
        "start_date": "01/07/2025",
        "due_date": "15/07/2025",
        "reported_status": "Hoàn thành",
        "progress": "100%",
        "completed_date": "14/07/2025",
        "result_summary": "Đã hoàn thành",
        "evidence_link": None,
        "updated_at": "15/07/2025 08:00",
    },
    "issue_register": {
        "issue_code": "VM-0001",
        "reported_at": "10/07/2025 08:30",
        "reported_by_role": "Công chức một cửa",
        "unit_code": "16681",
        "sector_code": "G15-TP01",
        "category": "Trang thiết bị",
        "severity": "Cao",
        "addressed_to_level": "UBND tỉnh",
        "addressed_to_code": "H41.01",
        "status": "Đã tháo gỡ",
        "due_at": "25/07/2025 17:00",
        "resolved_at": "24/07/2025 10:00",
        "last_update_at": "24/07/2025 10:00",
    },
    "national_ranking": {
        "captured_at": "2025-08-06T16:00:00+07:00",
        "province_code": "40",
        "province_name": "Nghệ An",
        "received_total": "310903",
        "online_total": "224930",
        "in_person_total": "80000",
        "postal_total": "5973",
        "on_time_total": "250000",
        "overdue_total": "2648",
    },
}

# source → the column that tells one thing from another: each case is about a thing of its own.
OWN = {
    "dossier_log": ("dossier_code", "H41.16-250722-{:07d}"),
    "task_tracker": ("task_code", "NV-{:02d}"),
    "issue_register": ("issue_code", "VM-{:04d}"),
    "national_ranking": ("province_code", "{:02d}"),
}

# The reference tables as landed: two units, one of which ended with the old communes; one procedure.
REFERENCES: dict[str, list[Row]] = {
    "units": [
        {"unit_code": code, "valid_from": since, "valid_to": until}
        for code, since, until in [
            ("16681", "2000-01-01", "2025-07-01"),
            ("16681", "2025-07-01", None),
            ("16663", "2000-01-01", "2025-07-01"),
            ("H41.05", "2025-03-01", None),
        ]
    ],
    "procedures": [{"procedure_code": "1.012790"}],
}

# source → rule → what differs from the sound row; or the rows delivered before, and last the breaking one.
BROKEN: dict[str, dict[str, Row | list[Row]]] = {
    "dossier_log": {
        "dossier_code_missing": {"dossier_code": " \u00a0"},
        "status_code_unknown": {"status_code": "15"},
        "recorded_at_unparseable": {"recorded_at": "hôm qua"},
        "synced_at_unparseable": {"synced_at": "22-07-2025"},
        "channel_unknown": {"channel": "9"},
        "service_level_unknown": {"service_level": "7"},
        "applicant_type_unknown": {"applicant_type": "X"},
        "submitted_at_unparseable": {"submitted_at": "21.07.2025"},
        "received_at_unparseable": {"received_at": "2025-13-45"},
        "due_at_unparseable": {"due_at": "31/02/2025"},
        "finished_at_unparseable": {"finished_at": "20250732000000"},
        "returned_at_unparseable": {"returned_at": "đã trả"},
        "refused_at_unparseable": {"refused_at": "0"},
        "supplement_requests_unparseable": {"supplement_requests": "một"},
        # A day and a second after the change: more than one day.
        "recorded_at_in_future": {"recorded_at": "2025-07-23 16:05:01"},
        "received_after_recorded": {"received_at": "20250723160001", "finished_at": None},
        "finished_before_received": {"finished_at": "20250721085959"},
        "receiving_unit_missing": {"receiving_unit_code": None},
        # As landing stores it: the phone or ID itself never rests.
        "personal_data_in_text": {"procedure_name": f"Đăng ký khai sinh {REMOVED}"},
        "mojibake_in_text": {"sector_name": "Há»™ tá»‹ch"},
        "dossier_code_malformed": {"dossier_code": "HS/2025/17"},
        "due_before_received": {"due_at": "20250721085959"},
        "paid_online_unknown": {"paid_online": "9"},
        "is_digitised_unknown": {"is_digitised": "có"},
        "has_e_result_unknown": {"has_e_result": "2"},
        "submitted_after_received": {"submitted_at": "20250721090001"},
        "returned_before_finished": {"returned_at": "20250722152959"},
        "recorded_after_pull": {"recorded_at": "2190-01-01 00:00:00", "synced_at": "2190-01-01 00:00:00"},
        "due_implausible": {"due_at": "20270721090001"},
        "supplement_requests_implausible": {"supplement_requests": "21"},
        "procedure_code_malformed": {"procedure_code": "012790"},
        # Old commune 16663 ended on 30 June 2025, before the dossier was received.
        "receiving_unit_code_unlisted": {"receiving_unit_code": "16663"},
        "processing_unit_code_unlisted": {"processing_unit_code": "99999"},
        "procedure_code_unlisted": {"procedure_code": "1.999999.000.00.00.H41"},
        "received_at_missing": {"received_at": None},
        "finished_at_missing": {"finished_at": None},
        "returned_at_missing": {"returned_at": None},
        "status_move_unexpected": [{}, {"status_code": "4", "recorded_at": "2025-07-22 16:00:01"}],
        "state_repeated": [{}, {"synced_at": "2025-07-22 17:00:00"}],
        "state_late": [{}, {"status_code": "4", "recorded_at": "2025-07-22 15:59:59"}],
    },
    "task_tracker": {
        "task_code_missing": {"task_code": None},
        "title_missing": {"title": ""},
        "reported_status_unknown": {"reported_status": "Gần xong"},
        "directive_date_unparseable": {"directive_date": "tháng sáu"},
        "start_date_unparseable": {"start_date": "32/07/2025"},
        "due_date_unparseable": {"due_date": "quý III"},
        "completed_date_unparseable": {"completed_date": "07/15/2025"},
        "updated_at_unparseable": {"updated_at": "15/07/2025"},
        "progress_unparseable": {"progress": "0.72"},
        "progress_out_of_range": {"progress": "101%"},
        "personal_data_in_text": {"result_summary": f"Liên hệ {REMOVED}"},
        "mojibake_in_text": {"title": "RÃ  soÃ¡t trá»¥ sá»Ÿ"},
        "due_before_start": {"due_date": "30/06/2025"},
        "owner_level_unknown": {"owner_level": "district"},
        "completed_before_start": {"completed_date": "30/06/2025"},
        "updated_after_pull": {"updated_at": "01/01/2190 00:00"},
        "completed_in_future": {"completed_date": "07/08/2025"},
        "unit_code_missing": {"owner_level": "commune"},
        "completed_date_missing": {"completed_date": None},
        "completed_but_open": {"reported_status": "Đang thực hiện", "progress": "99%"},
        "progress_full_but_open": {"reported_status": "Đang thực hiện", "completed_date": None},
        "due_date_missing": {"due_date": None},
        "unit_code_unlisted": {"unit_code": "16663"},
        "lead_agency_code_unlisted": {"lead_agency_code": "H41.99"},
        "task_repeated": [{}, {"result_summary": "Nhập lại"}],
        # The day before it was done; today it is not even started.
        "status_move_unexpected": {
            "reported_status": "Chưa thực hiện",
            "completed_date": None,
            "progress": "0%",
        },
    },
    "issue_register": {
        "issue_code_missing": {"issue_code": None},
        "reported_at_unparseable": {"reported_at": "32/13/2025"},
        "status_unknown": {"status": "Đóng"},
        "category_unknown": {"category": "Chuyện lạ"},
        "severity_unknown": {"severity": "Khẩn"},
        "addressed_to_level_unknown": {"addressed_to_level": "Cấp huyện"},
        "due_at_unparseable": {"due_at": "25/07/2025"},
        "resolved_at_unparseable": {"resolved_at": "24.07.2025"},
        "last_update_at_unparseable": {"last_update_at": "mới đây"},
        "resolved_before_reported": {"resolved_at": "10/07/2025 08:29"},
        "unit_code_missing": {"unit_code": None},
        "personal_data_in_text": {"reported_by_role": f"Công chức {REMOVED}"},
        "mojibake_in_text": {"reported_by_role": "CÃ´ng chá»©c"},
        "due_before_reported": {"due_at": "10/07/2025 08:29"},
        "updated_before_reported": {"last_update_at": "10/07/2025 08:29"},
        "reported_in_future": {
            "reported_at": "07/08/2025 00:01",
            "due_at": None,
            "resolved_at": None,
            "last_update_at": None,
            "status": "Đang xem xét",
        },
        "updated_after_pull": {"last_update_at": "01/01/2190 00:00"},
        "resolved_at_missing": {"resolved_at": None},
        "resolved_at_but_open": {"status": "Đang tháo gỡ"},
        "category_missing": {"category": None},
        "unit_code_unlisted": {"unit_code": "16663"},
        "issue_repeated": [{}, {"severity": "Thấp"}],
        # The day before it was resolved.
        "status_move_unexpected": {"status": "Mới", "resolved_at": None},
    },
    "national_ranking": {
        "captured_at_unparseable": {"captured_at": "06/08/2025"},
        "province_code_missing": {"province_code": None},
        "received_total_missing": {"received_total": None},
        "online_total_missing": {"online_total": "khoảng 200000"},
        "received_total_negative": {"received_total": "-1", "online_total": None},
        "online_total_negative": {"online_total": "-1"},
        "online_exceeds_received": {"online_total": "310904"},
        "in_person_total_unparseable": {"in_person_total": "80000.5"},
        "in_person_total_negative": {"in_person_total": "-1"},
        "postal_total_unparseable": {"postal_total": "—"},
        "postal_total_negative": {"postal_total": "-1"},
        "on_time_total_unparseable": {"on_time_total": "n/a"},
        "on_time_total_negative": {"on_time_total": "-1"},
        "overdue_total_unparseable": {"overdue_total": "n/a"},
        "overdue_total_negative": {"overdue_total": "-1"},
        "mojibake_in_text": {"province_name": "Nghá»‡ An"},
        "personal_data_in_text": {"province_name": f"Nghệ An {REMOVED}"},
        "province_code_malformed": {"province_code": "Nghệ An"},
        "channels_do_not_add_up": {"postal_total": "5974"},
        "captured_after_pull": {"captured_at": "2190-01-01T00:00:00+07:00"},
        "province_name_missing": {"province_name": None},
        "province_repeated": [{}, {"on_time_total": "250001"}],
    },
}
# Rules that other rules' rows break too, and cannot do otherwise.
ALSO = {
    ("dossier_log", "finished_at_missing"),
    ("dossier_log", "procedure_code_unlisted"),
    ("task_tracker", "completed_date_missing"),
    ("task_tracker", "unit_code_missing"),
    ("national_ranking", "online_total_missing"),
    ("national_ranking", "channels_do_not_add_up"),
}


class Judged(NamedTuple):
    """`failed`: rule → row numbers; `rejected`: row number → {rule: failure}; `kept`: row numbers."""

    report: Report
    failed: dict[str, list[int]]
    rejected: dict[int, dict[str, Any]]
    kept: set[int]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    return {name: judge(name, settings) for name in CONTRACTS.sources}


def rows_for(name: str) -> tuple[list[Row], dict[str, int]]:
    """The rows of a batch, the sound one first; rule → number of the row that breaks it."""
    column, shape = OWN[name]
    rows: list[Row] = [SOUND[name]]
    breaking = {}
    for number, (rule, changes) in enumerate(BROKEN[name].items(), 1):
        own = {column: shape.format(number)} if name != "national_ranking" else {column: f"{number + 40}"}
        for changed in changes if isinstance(changes, list) else [changes]:
            rows.append(SOUND[name] | own | changed)
        breaking[rule] = len(rows)
    return rows, breaking


def landed(settings: Settings, name: str, day: str, rows: list[Row]) -> Batch:
    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        columns = {c: pa.array([row[c] for row in rows], pa.string()) for c in rows[0]}
        pq.write_table(pa.table({"_row": pa.array(range(1, len(rows) + 1), pa.int64()), **columns}), out)
        return "by hand", ()

    return write_batch(settings.landing, name, day, write, run_id="test")


def judge(name: str, settings: Settings) -> Judged:
    source = CONTRACTS.sources[name]
    for table, content in REFERENCES.items():
        landed(settings, f"reference_{table}", "2025-08-01", content)
    rows, breaking = rows_for(name)
    if source.partitioning == "snapshot_day":
        # The day before, all of it was sound.
        own = OWN[name][0]
        before = [SOUND[name] | {own: row[own]} for row in rows if row[own]]
        once = [r for n, r in enumerate(before) if r not in before[:n]]
        validate(source, [landed(settings, name, "2025-08-05", once)], settings)
    batch = landed(settings, name, "2025-08-06", rows)
    [report] = validate(source, [batch], settings)
    rejected = duckdb.sql(f"select _row, failures from '{report.rejected}'").fetchall()
    kept = duckdb.sql(f"select _row from '{report.accepted}'").fetchall()
    return Judged(
        report,
        {
            r["rule"]: sorted({*r["sample_rows"], *([breaking[r["rule"]]] * (r["unexpected"] > 5))})
            for r in report.results
            if r["scope"] == "row"
        },
        {row: {f["rule"]: f for f in failures} for row, failures in rejected},
        {row for (row,) in kept},
    )


def row_of(source: str, rule: str) -> int:
    return rows_for(source)[1][rule]


RULES = [(source, e) for source, suite in SUITES.items() for e in suite]
each_rule = pytest.mark.parametrize(("source", "expectation"), RULES, ids=[f"{s}-{e.rule}" for s, e in RULES])


@pytest.mark.parametrize("source", SUITES)
def test_every_rule_has_a_row_that_breaks_it_and_no_row_breaks_a_rule_that_is_gone(source: str) -> None:
    assert set(BROKEN[source]) == {e.rule for e in SUITES[source]}


@pytest.mark.parametrize("source", SUITES)
def test_a_sound_row_breaks_no_rule(source: str, judged: dict[str, Judged]) -> None:
    assert all(1 not in rows for rows in judged[source].failed.values())
    assert 1 in judged[source].kept


@each_rule
def test_the_rule_finds_the_row_that_breaks_it(
    source: str, expectation: Any, judged: dict[str, Judged]
) -> None:
    found = judged[source].failed[expectation.rule]
    assert row_of(source, expectation.rule) in found
    assert len(found) == 1 or (source, expectation.rule) in ALSO


@each_rule
def test_a_critical_rule_sets_the_row_aside_and_a_warning_keeps_it(
    source: str, expectation: Any, judged: dict[str, Judged]
) -> None:
    row = row_of(source, expectation.rule)
    assert (row in judged[source].kept) is (expectation.severity != "critical")
    assert (row in judged[source].rejected) is (expectation.severity == "critical")


@each_rule
def test_a_rejected_row_says_which_column_held_what_and_why_in_two_languages(
    source: str, expectation: Any, judged: dict[str, Judged]
) -> None:
    if not expectation.rejects:
        return
    said = judged[source].rejected[row_of(source, expectation.rule)][expectation.rule]
    broken = BROKEN[source][expectation.rule]
    assert said["column_name"] in broken
    assert said["bad_value"] == broken[said["column_name"]]
    assert said["reason_en"] and said["reason_vi"]


@pytest.mark.parametrize("source", SUITES)
def test_rows_read_are_accepted_or_rejected(source: str, judged: dict[str, Judged]) -> None:
    report = judged[source].report
    assert report.rows_read == len(rows_for(source)[0]) == report.rows_accepted + report.rows_rejected
    assert judged[source].kept | set(judged[source].rejected) == set(range(1, report.rows_read + 1))


@pytest.mark.parametrize("source", SUITES)
def test_whatever_typing_cannot_read_has_a_rule_that_says_so(source: str) -> None:
    watched = {column for e in SUITES[source] for column in e.columns}
    for column in CONTRACTS.sources[source].columns:
        if column.type != "text" or column.value_map:
            assert watched & {column.name, f"{column.name}__raw"}, column.name


def test_dossier_rules_reject_what_the_demo_plants_by_these_names() -> None:
    planted = {
        "dossier_code_missing", "status_code_unknown", "channel_unknown", "service_level_unknown",
        "recorded_at_unparseable", "received_at_unparseable", "due_at_unparseable",
        "recorded_at_in_future", "received_after_recorded", "finished_before_received",
        "receiving_unit_missing", "personal_data_in_text", "mojibake_in_text",
    }  # fmt: skip
    rules = {e.rule: e for e in SUITES["dossier_log"]}
    assert all(rules[name].rejects for name in planted)
    # docs/domain.md §2: a code that matches no rule is a warning, a missing code an error.
    assert not rules["dossier_code_malformed"].rejects


# rule over a whole batch → fact, a value that keeps it, one that breaks it.
WHOLE = {
    "dossier_log": {
        "batch_empty": ("rows", 1, 0),
        "volume_unusual": ("volume_ratio", 0.3, 3.01),
        "newest_row_old": ("hours_behind", 18, 18.01),
    },
    "task_tracker": {
        "batch_empty": ("rows", 1, 0),
        "volume_unusual": ("volume_ratio", 1.5, 0.79),
        "newest_row_old": ("hours_behind", 240, 241),
    },
    "issue_register": {
        "batch_empty": ("rows", 1, 0),
        "volume_unusual": ("volume_ratio", 3, 0.79),
        "newest_row_old": ("hours_behind", 168, 169),
    },
    "national_ranking": {
        "batch_empty": ("rows", 1, 0),
        "newest_row_old": ("hours_behind", 24, 25),
    },
}


@pytest.mark.parametrize("source", SUITES)
def test_every_rule_over_a_whole_batch_has_a_batch_that_keeps_it_and_one_that_breaks_it(source: str) -> None:
    rules = read_suite(CONTRACTS.sources[source].suite_path).batches
    assert set(WHOLE[source]) == {e.rule for e in rules}
    for number, e in enumerate(rules):
        fact, keeps, breaks = WHOLE[source][e.rule]
        sound = {"rows": 100.0, "volume_ratio": 1.0, "hours_behind": 2.0}
        unknown = sound | {"volume_ratio": None, "hours_behind": None}
        batches = pd.DataFrame([sound | {fact: keeps}, sound | {fact: breaks}, unknown], dtype="float64")
        assert list(evaluate_frame(rules, batches, source)[number].failed) == [1]
