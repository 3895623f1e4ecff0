"""The dbt project on a province small enough to count by hand: unit tests, contracts, data tests.

One `dbt build` for the module, in a time zone far from the province's; then the tests are tested.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DBT = str(Path(sys.executable).with_name("dbt"))
AS_OF = "2025-07-04 12:00:00"

# Three dossiers of July, one of June; A was delivered twice, B corrected from postal to online.
# C was recorded a second after the first cut-off. One row was rejected.
# The tracker: three provincial tasks; commune NEW has X1, put off from the 3rd to the 8th, and X2, gone on
# the 3rd; commune HAI reports nothing. The register: I1 went from the commune to the province on the 3rd,
# I2 was gone then.
LOG = """
('A', 'online', 'full', 'NEW', 2, '07-01 08:00:00', '07-01 08:01:00', '07-01 08:00:00', 'b1', '07-01', 1),
('A', 'online', 'full', 'NEW', 2, '07-01 08:00:00', '07-02 08:01:00', '07-01 08:00:00', 'b2', '07-02', 1),
('A', 'online', 'full', 'NEW', 10, '07-03 00:30:00', '07-03 00:31:00', '07-01 08:00:00', 'b3', '07-03', 1),
('B', 'postal', 'partial', 'NEW', 2, '07-01 09:00:00', '07-01 09:01:00', '07-01 09:00:00', 'b1', '07-01', 2),
('B', 'online', 'partial', 'NEW', 2, '07-01 09:00:00', '07-02 09:01:00', '07-01 09:00:00', 'b2', '07-02', 2),
('C', null, null, 'XXX', 2, '07-02 16:00:01', '07-02 16:01:00', '07-02 16:00:01', 'b2', '07-02', 3),
('J', 'online', 'full', 'OLD', 2, '06-30 23:59:59', '07-01 00:00:10', '06-30 23:59:59', 'b1', '07-01', 3)
"""

RAW = f"""
create schema raw;
create table raw.run_parameters as
    select timestamp '{AS_OF}' as as_of, date '2025-07-04' as partition_day, '40' as place_code,
        date '2025-07-01' as counts_since, true as stopped_is_end;
create table raw.dossier_log as
    select
        col0 as dossier_code, '1.000001.000.00.00.H41' as procedure_code, 'Khai sinh' as procedure_name,
        'HT' as sector_code, 'Hộ tịch' as sector_name, col1 as channel, 'citizen' as applicant_type,
        col2 as service_level, col3 as receiving_unit_code, col3 as processing_unit_code,
        col4::integer as status_code, ('2025-' || col5)::timestamp as recorded_at,
        ('2025-' || col6)::timestamp as synced_at,
        null::timestamp as submitted_at, ('2025-' || col7)::timestamp as received_at,
        timestamp '2025-07-03 17:00:00' as due_at, null::timestamp as finished_at,
        null::timestamp as returned_at, null::timestamp as refused_at, false as paid_online,
        true as is_digitised, false as has_e_result, 0 as supplement_requests,
        col8 as batch_id, ('2025-' || col9)::date as partition_key, col10::bigint as _row
    from (values {LOG});
create table raw.task_tracker as
    select
        'T' || n as task_code, 'Nhiệm vụ' as title, '02' as directive_number,
        date '2025-06-19' as directive_date,
        'D1' as lead_agency_code, null::varchar as coordinating_agencies, 'province' as owner_level,
        null::varchar as unit_code, date '2025-06-20' as start_date, date '2025-07-03' as due_date,
        case when n = 1 then 'done' else 'in_progress' end as reported_status,
        case when n = 1 then 'Hoàn thành đúng hạn' else 'Đang thực hiện' end as reported_status_raw,
        50 as progress, case when n = 1 then date '2025-07-02' end as completed_date,
        null::varchar as result_summary, null::varchar as evidence_link,
        timestamp '2025-07-03 08:00:00' as updated_at, 't3' as batch_id, date '2025-07-03' as partition_key,
        n::bigint as _row
    from range(1, 4) as numbers (n);
insert into raw.task_tracker by name
    select
        col0 as task_code, 'Nhiệm vụ xã' as title, 'D1' as lead_agency_code, 'commune' as owner_level,
        'NEW' as unit_code, col2::date as due_date, 'in_progress' as reported_status,
        'Đang thực hiện' as reported_status_raw, col3 as progress, 't' || col1[2:] as batch_id,
        ('2025-07-0' || col1[2:])::date as partition_key, 10 + row_number() over () as _row
    from (values ('X1', 'd2', '2025-07-03', 10), ('X2', 'd2', '2025-07-10', 20),
                 ('X1', 'd3', '2025-07-08', 50));
create table raw.issue_register as
    select
        col0 as issue_code, col1::timestamp as reported_at, 'cán bộ' as reported_by_role,
        'NEW' as unit_code, 'HT' as sector_code, col2 as category, 'high' as severity,
        col3 as addressed_to_level, null::varchar as addressed_to_code, 'new' as status,
        timestamp '2025-07-03 08:00:00' as due_at, null::timestamp as resolved_at,
        col4::timestamp as last_update_at, 'i' || col5 as batch_id,
        ('2025-07-0' || col5)::date as partition_key, row_number() over ()::bigint as _row
    from (values
        ('I1', '2025-07-01 08:00:00', 'network', 'commune', '2025-07-02 08:00:00', '2'),
        ('I2', '2025-07-01 10:00:00', 'land', 'commune', '2025-07-01 10:00:00', '2'),
        ('I1', '2025-07-01 08:00:00', 'network', 'province', '2025-07-03 07:00:00', '3'));
create table raw.national_ranking as
    select
        timestamp '2025-07-02 16:00:00' as captured_at, col0 as province_code, col0 as province_name,
        100::bigint as received_total, col1::bigint as online_total, 0::bigint as in_person_total,
        0::bigint as postal_total, 0::bigint as on_time_total, 0::bigint as overdue_total,
        'n2' as batch_id, date '2025-07-02' as partition_key, col1::bigint as _row
    from (values ('40', 72), ('01', 80), ('04', 10));
create table raw.units as
    select
        col0 as unit_code, col1 as unit_name, 'xã' as unit_type, col2 as unit_level,
        null::varchar as district_name, true as is_current,
        col3::date as valid_from, col4::date as valid_to
    from (values ('OLD', 'Xã Cũ', 'commune', '2008-01-01', '2025-07-01'),
                 ('NEW', 'Xã Mới', 'commune', '2025-07-01', null),
                 ('HAI', 'Xã Hai', 'commune', '2025-07-01', null),
                 ('D1', 'Sở Một', 'department', '2025-03-01', null));
create table raw.unit_mapping as
    select 'OLD' as old_unit_code, 'Xã Cũ' as old_unit_name, 'H' as old_district_name,
           'NEW' as new_unit_code, 'Xã Mới' as new_unit_name;
create table raw.procedures as
    select '1.000001' as procedure_code, 'Khai sinh' as procedure_name, 'HT' as sector_code,
           'Hộ tịch' as sector_name, 'D1' as agency_code, 'full' as service_level, false as has_fee,
           false as needs_paper_result, 'commune' as executing_level, 2 as processing_days;
create table raw.reporting_cutoffs as
    select col0::timestamp as cutoff_at, timestamp '2025-07-01' as period_start, 'Mốc' as label_vi,
           'Cut-off' as label_en
    from (values ('2025-07-02 16:00:00'), ('2025-07-04 12:00:00'), ('2025-08-06 16:00:00'));
create table raw.targets as
    select 'online_submission_rate' as metric, '*' as unit_level, 80 as target, null::integer as max_points,
           date '2022-06-23' as valid_from, '766/QĐ-TTg' as source_document, null::varchar as note;
create table raw.working_day_overrides as
    select date '2025-07-05' as date, true as is_working_day, '1/BNV' as document_number, 'làm bù' as note;
create table raw.assignments as
    select 'Tổ trưởng' as member_role, '*' as sector_code, '*' as unit_code, '*' as category;
create table raw.calendar as
    select day::date as date, isodow(day) < 6 as is_working_day, null::varchar as holiday_name
    from range(timestamp '2025-06-01', timestamp '2025-09-01', interval 1 day) as days (day);
create table raw.batches as
    select
        col0 as batch_id, col1 as source, col2::date as partition_key, true as is_current,
        true as is_accepted, col3::bigint as rows_read, col4::bigint as rows_accepted,
        (col3 - col4)::bigint as rows_rejected, 'sha' as sha256, 'fp' as schema_fingerprint,
        'query' as origin, timestamp '2025-07-04 01:00:00' as pulled_at, 'run' as run_id
    from (values ('b1', 'dossier_log', '2025-07-01', 4, 3), ('b2', 'dossier_log', '2025-07-02', 3, 3),
                 ('b3', 'dossier_log', '2025-07-03', 1, 1), ('t3', 'task_tracker', '2025-07-03', 4, 4),
                 ('t2', 'task_tracker', '2025-07-02', 2, 2), ('i2', 'issue_register', '2025-07-02', 2, 2),
                 ('i3', 'issue_register', '2025-07-03', 1, 1), ('n2', 'national_ranking', '2025-07-02', 3, 3),
                 ('u1', 'reference_units', '2025-07-01', 3, 3));
create table raw.rejections as
    select 'dossier_log' as source, date '2025-07-01' as partition_key, 'b1' as batch_id, 4::bigint as _row,
           'Z' as row_key, 'channel_unknown' as rule, 'channel' as column_name, '7' as bad_value,
           'unknown channel' as reason_en, 'kênh lạ' as reason_vi, true as is_current,
           '16681' as unit_code, 'b1' as first_seen_batch, 'b1' as last_seen_batch,
           null::varchar as resolved_by_batch;
create table raw.checks as
    select 'dossier_log' as source, date '2025-07-01' as partition_key, 'b1' as batch_id, col0 as rule,
           'channel' as column_name, 'row' as scope, col1 as severity, 4::bigint as evaluated,
           col2::bigint as unexpected, null::double as observed, 'why' as reason_en, 'vì sao' as reason_vi,
           'sha' as rules
    from (values ('channel_unknown', 'critical', 1), ('channel_missing', 'warning', 0));
"""


class Built(NamedTuple):
    """A warehouse that dbt built, and what dbt said of every node: unique id → status."""

    warehouse: Path
    target: Path
    statuses: dict[str, str]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as con:
            return con.execute(sql).fetchall()


def dbt(warehouse: Path, target: Path, *words: str) -> Built:
    """Run dbt as the pipeline does, but with the machine's clock zone far from the province's."""
    environment = {
        **os.environ,
        "THONGSUOT_WAREHOUSE": str(warehouse),
        "TZ": "America/Los_Angeles",
        "DO_NOT_TRACK": "1",
    }
    command = [DBT, *words, "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    results = target / "run_results.json"
    assert results.exists(), told.stdout[-4000:]
    content = json.loads(results.read_text(encoding="utf-8"))
    return Built(warehouse, target, {r["unique_id"]: r["status"] for r in content["results"]})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as con:
        con.execute(RAW)
    return dbt(warehouse, folder / "target", "build")


def named(built: Built, prefix: str) -> dict[str, str]:
    return {node: status for node, status in built.statuses.items() if node.startswith(prefix)}


def test_every_model_builds_under_its_contract_and_every_data_test_passes(built: Built) -> None:
    assert {n: s for n, s in built.statuses.items() if s not in ("success", "pass", "no-op")} == {}
    assert len(named(built, "model.")) > 30


def test_every_dbt_unit_test_ran_and_passed(built: Built) -> None:
    unit_tests = named(built, "unit_test.")
    assert len(unit_tests) >= 27
    assert set(unit_tests.values()) == {"pass"}


def test_the_headline_knows_at_each_cutoff_what_was_recorded_by_then(built: Built) -> None:
    # 02/07 16:00: A and B, both online. 04/07 12:00: also C, in person. 06/08 lies after as_of.
    assert built.rows(
        "select strftime(cutoff_at, '%d/%m'), received, online, returned, rate, national_rank, rank_movement "
        "from marts.online_submission_headline order by cutoff_at"
    ) == [("02/07", 2, 2, 0, 1.0, 2, None), ("04/07", 3, 2, 1, 2 / 3, 2, 0)]


def test_the_rate_of_a_past_day_counts_what_was_known_at_its_end(built: Built) -> None:
    assert built.rows(
        "select as_of_day::varchar, numerator, denominator from marts.online_submission_rate "
        "where unit_level = 'province' and period = 'since_2025_07_01' order by 1"
    ) == [("2025-07-01", 2, 2), ("2025-07-02", 2, 3), ("2025-07-03", 2, 3), ("2025-07-04", 2, 3)]


def test_june_counts_in_the_year_and_an_unknown_unit_keeps_its_dossiers(built: Built) -> None:
    assert built.rows(
        "select unit_code, unit_level, numerator, denominator from marts.online_submission_rate "
        "where as_of_day = '2025-07-04' and period = 'year' and denominator > 0 order by 1"
    ) == [("NEW", "commune", 3, 3), ("XXX", "unknown", 0, 1), ("province", "province", 3, 4)]


def test_the_days_are_local_whatever_the_clock_of_the_machine(built: Built) -> None:
    # 23:59:59 on 30 June in Nghệ An is the afternoon in UTC, and received by the old unit.
    assert built.rows(
        "select receiving_unit_code, original_unit_name from marts.dossier_register where dossier_code = 'J'"
    ) == [("NEW", "Xã Cũ")]
    assert built.rows(
        "select received_day::varchar, received from marts.submission_by_channel_daily "
        "where received_day = '2025-06-30'"
    ) == [("2025-06-30", 1)]


def test_what_came_late_counts_on_its_day_and_says_so(built: Built) -> None:
    # J was received in the last second of June and reached the source ten seconds later, in July.
    assert built.rows(
        "select received_day::varchar, sum(received), sum(late_arrivals) "
        "from marts.submission_by_channel_daily group by 1 order by 1"
    ) == [("2025-06-30", 1, 1), ("2025-07-01", 2, 0), ("2025-07-02", 1, 0)]


def test_the_gap_to_the_target_is_a_number_of_whole_dossiers_and_the_cutoff_before_is_compared(
    built: Built,
) -> None:
    # 2 of 3 against 80 %: with two more, 4 of 5. At the cut-off before, 2 of 2.
    assert built.rows(
        "select target, additional_online_to_target, strftime(cutoff_before, '%d/%m %H:%M'), "
        "change_since_cutoff_before from marts.online_submission_rate "
        "where as_of_day = '2025-07-04' and unit_level = 'province' and period = 'since_2025_07_01'"
    ) == [(0.8, 2, "02/07 16:00", 2 / 3 - 1)]


def test_the_online_rate_is_cut_by_unit_sector_level_and_applicant(built: Built) -> None:
    # A full, B partial, C unknown and in person; all of them hộ tịch, by citizens.
    assert built.rows(
        "select dimension, member, numerator, denominator from marts.online_submission_breakdown "
        "where period = 'since_2025_07_01' and dimension <> 'procedure' order by 1, 2"
    ) == [
        ("applicant_type", "citizen", 2, 3),
        ("processing_unit", "NEW", 2, 2),
        ("processing_unit", "XXX", 0, 1),
        ("receiving_unit", "NEW", 2, 2),
        ("receiving_unit", "XXX", 0, 1),
        ("sector", "HT", 2, 3),
        ("service_level", "full", 1, 1),
        ("service_level", "partial", 1, 1),
        ("service_level", "unknown", 0, 1),
    ]


def test_what_is_open_and_overdue_is_known_for_every_day(built: Built) -> None:
    # All are due on the 3rd at 17:00; A was returned that night, on its due date, after two working days.
    assert built.rows(
        "select as_of_day::varchar, received, finished, on_time, median_working_days, open_total, "
        "open_overdue from marts.dossier_timeliness where period = 'day' and unit_code = 'province' "
        "and sector_code = 'all' order by 1"
    ) == [
        ("2025-07-01", 2, 0, 0, None, 3, 0),
        ("2025-07-02", 1, 0, 0, None, 4, 0),
        ("2025-07-03", 0, 1, 1, 2, 3, 3),
        ("2025-07-04", 0, 0, 0, None, 3, 3),
    ]
    assert built.rows(
        "select numerator, denominator from marts.online_resolution_rate "
        "where period = 'month' and unit_code = 'province' and sector_code = 'all'"
    ) == [(1, 1)]


def test_form_ii06a_carries_june_over_and_its_columns_add_up(built: Built) -> None:
    assert built.rows(
        "select month::varchar, unit_name, sector_name, received_total, received_online, received_other, "
        "carried_over, resolved_total, resolved_on_time, open_total, open_in_term, open_overdue "
        "from marts.report_ii06a order by unit_code"
    ) == [
        ("2025-07-01", "Xã Mới", "Hộ tịch", 3, 2, 0, 1, 1, 1, 2, 0, 2),
        ("2025-07-01", "XXX", "Hộ tịch", 1, 0, 1, 0, 0, 0, 1, 0, 1),
    ]


def test_the_list_to_act_on_names_the_unit_of_today(built: Built) -> None:
    assert built.rows(
        "select dossier_code, alert, unit_name, working_days_left from marts.dossier_alerts order by 1"
    ) == [("B", "overdue", "Xã Mới", -1), ("C", "overdue", None, -1), ("J", "overdue", "Xã Mới", -1)]


def test_a_rate_without_a_base_has_a_reason(built: Built) -> None:
    # Nothing has an electronic result; the one procedure is free of charge and eligible for toàn trình.
    assert built.rows(
        "select metric, numerator, denominator, rate, missing_reason from marts.digital_service_rate "
        "where period = 'since_2025_07_01' and unit_code = 'province' order by 1"
    ) == [
        ("digitisation_rate", 0, 3, 0.0, None),
        ("full_process_online_rate", 2, 3, 2 / 3, None),
        ("online_payment_rate", None, None, None, "nothing_to_count"),
    ]


def test_tasks_are_carried_to_the_as_of_day_by_the_newest_snapshot(built: Built) -> None:
    assert built.rows(
        "select as_of_day::varchar, total, done_on_time, open_in_term, open_overdue, colour "
        "from marts.task_completion where owner_level = 'province' and lead_agency_code = 'all' order by 1"
    ) == [("2025-07-03", 3, 1, 2, 0, "green"), ("2025-07-04", 3, 1, 0, 2, "red")]


def test_a_task_gone_from_the_tracker_is_withdrawn_and_a_silent_commune_is_counted(
    built: Built,
) -> None:
    assert built.rows(
        "select task_code, bucket, last_bucket, days_left, snapshot_day::varchar, withdrawn_on::varchar "
        "from marts.task_ledger where owner_level = 'commune' order by 1"
    ) == [
        ("X1", "open_in_term", "open_in_term", 4, "2025-07-03", None),
        ("X2", "withdrawn", "open_in_term", None, "2025-07-02", "2025-07-03"),
    ]
    assert built.rows(
        "select as_of_day::varchar, total, withdrawn, reporters_expected, reporters_missing, is_complete "
        "from marts.task_completion where owner_level = 'commune' and lead_agency_code = 'all' order by 1"
    ) == [
        ("2025-07-02", 2, 0, 2, 1, False),
        ("2025-07-03", 1, 1, 2, 1, False),
        ("2025-07-04", 1, 1, 2, 1, False),
    ]
    assert built.rows(
        "select task_code, unit_code, cell, unit_total, unit_rank from marts.task_commune_matrix order by all"
    ) == [
        ("X1", "HAI", "not_provided", 0, None),
        ("X1", "NEW", "open_in_term", 1, 1),
        ("X2", "HAI", "not_provided", 0, None),
        ("X2", "NEW", "withdrawn", 1, 1),
    ]


def test_the_history_of_a_task_tells_each_change_once(built: Built) -> None:
    assert built.rows(
        "select task_code, seen_on::varchar, change, field, from_value, to_value, is_deadline_extended "
        "from marts.task_ledger_history where owner_level = 'commune' order by 1, 2, 4"
    ) == [
        ("X1", "2025-07-02", "first_seen", "*", None, "open_in_term", False),
        ("X1", "2025-07-03", "changed", "due_date", "2025-07-03", "2025-07-08", True),
        ("X1", "2025-07-03", "changed", "progress", "10", "50", False),
        ("X2", "2025-07-02", "first_seen", "*", None, "open_in_term", False),
        ("X2", "2025-07-03", "withdrawn", "*", "open_in_term", "withdrawn", False),
    ]


def test_an_issue_moves_between_slices_and_one_that_is_gone_is_closed_as_withdrawn(built: Built) -> None:
    assert built.rows(
        "select as_of_day::varchar, category, addressed_to_level, opening, new_issues, moved_in, moved_out, "
        "closed_withdrawn, closing, overdue from marts.issue_backlog_daily order by all"
    ) == [
        ("2025-07-01", "land", "commune", 0, 1, 0, 0, 0, 1, 0),
        ("2025-07-01", "network", "commune", 0, 1, 0, 0, 0, 1, 0),
        ("2025-07-02", "land", "commune", 1, 0, 0, 0, 0, 1, 0),
        ("2025-07-02", "network", "commune", 1, 0, 0, 0, 0, 1, 0),
        ("2025-07-03", "land", "commune", 1, 0, 0, 0, 1, 0, 0),
        ("2025-07-03", "network", "commune", 1, 0, 0, 1, 0, 0, 0),
        ("2025-07-03", "network", "province", 0, 0, 1, 0, 0, 1, 1),
        ("2025-07-04", "network", "province", 1, 0, 0, 0, 0, 1, 1),
    ]
    assert built.rows(
        "select issue_code, step, addressed_to_level, direction, days, working_days, is_waiting_here "
        "from marts.issue_escalation order by all"
    ) == [
        ("I1", 1, "commune", "first", 2, 2, False),
        ("I1", 2, "province", "escalated", 1, 1, True),
        ("I2", 1, "commune", "first", 2, 2, False),
    ]
    assert built.rows(
        "select issue_code, responsible_role, assignment_basis, is_open, is_withdrawn, age_working_days "
        "from marts.issue_backlog order by 1"
    ) == [
        ("I1", "Tổ trưởng", "everything", True, False, 3),
        ("I2", "Tổ trưởng", "everything", False, True, 2),
    ]


def test_who_owes_a_report_and_who_gave_it_is_told_apart_from_who_owes_none(built: Built) -> None:
    # C of 2 July came to a unit nobody knows; no batch of the 4th has landed.
    assert built.rows(
        "select as_of_day::varchar, unit_code, status, reason from marts.reporting_completeness "
        "where source = 'dossier_log' and unit_code <> 'all' and as_of_day in ('2025-07-01', '2025-07-04') "
        "order by all"
    ) == [
        ("2025-07-01", "D1", "not_applicable", "receives_no_dossiers"),
        ("2025-07-01", "HAI", "not_provided", "unit_silent"),
        ("2025-07-01", "NEW", "reported", "delivered"),
        ("2025-07-04", "D1", "not_applicable", "receives_no_dossiers"),
        ("2025-07-04", "HAI", "not_provided", "source_not_delivered"),
        ("2025-07-04", "NEW", "not_provided", "source_not_delivered"),
    ]
    assert built.rows(
        "select unit_level, expected, reported, missing, not_applicable from marts.reporting_completeness "
        "where source = 'task_tracker' and unit_code = 'all' and as_of_day = '2025-07-04' order by 1"
    ) == [("commune", 2, 1, 1, 0), ("department", 0, 0, 0, 1), ("province", 1, 1, 0, 0)]


def test_a_check_that_found_nothing_is_told_too(built: Built) -> None:
    assert built.rows("select rule, unexpected_share, outcome from audit.checks order by 1") == [
        ("channel_missing", 0.0, "passed"),
        ("channel_unknown", 0.25, "rejected"),
    ]


def test_every_row_of_every_batch_is_accounted_for(built: Built) -> None:
    assert built.rows(
        "select batch_id, rows_read, rows_rejected, rows_staged, rows_repeated, rows_corrected, is_balanced "
        "from audit.reconciliation where source = 'dossier_log' order by 1"
    ) == [("b1", 4, 1, 1, 1, 1, True), ("b2", 3, 0, 3, 0, 0, True), ("b3", 1, 0, 1, 0, 0, True)]


# Each statement breaks what one or more of the data tests are there to notice.
DAMAGE = (
    "update audit.reconciliation set is_balanced = false where batch_id = 'b1'",
    "delete from marts.issue_backlog",
    "update marts.task_completion set open_overdue = open_overdue + 1",
    "update marts.task_completion_by_unit set withdrawn = 1, total = total + 1",
    "insert into marts.dim_unit from marts.dim_unit where unit_code = 'NEW'",
    "update marts.online_submission_rate set numerator = 1 where unit_code = 'NEW'",
    "update marts.online_submission_headline set received = received + 1",
    "update marts.issue_backlog_daily set opening = 0, new_issues = 1",
    "update marts.issue_backlog_daily set closed = 5, closed_resolved = 1",
    "update marts.reporting_completeness set missing = missing + 1",
    "insert into marts.report_ii06a by name "
    "select * replace (month + interval 1 month as month, 7 as carried_over) from marts.report_ii06a",
    "update marts.online_submission_breakdown set denominator = denominator + 1",
    "update marts.dossier_register set is_overdue = false where dossier_code = 'B'",
    "update marts.dossier_timeliness set early = early + 1 where finished > 0",
    "delete from marts.digital_service_rate",
    "delete from intermediate.int_dossier_states where dossier_code = 'C'",
    "delete from intermediate.int_calendar where date_day = '2025-07-04'",
)
IDENTITIES = (
    "holds_audit_reconciliation_is_balanced",
    "has_rows_issue_backlog",
    "unique_combination_dim_unit",
    "parts_add_up_task_completion",
    "parts_add_up_task_completion_by_unit",
    "holds_issue_backlog_daily",
    "parts_add_up_issue_backlog_daily",
    "parts_add_up_reporting_completeness",
    "parts_add_up_dossier_timeliness",
    "parts_add_up_report_ii06a",
    "has_rows_digital_service_rate",
)


def contents(built: Built) -> dict[str, list[tuple[Any, ...]]]:
    """Every published table → how many rows, and a sum of their hashes that no order changes."""
    tables = built.rows(
        "select schema_name, table_name from duckdb_tables() "
        "where schema_name in ('marts', 'audit') order by all"
    )
    return {
        f"{schema}.{name}": built.rows(f"select count(*), sum(hash(t)) from {schema}.{name} as t")
        for schema, name in tables
    }


def test_the_data_tests_notice_what_they_are_there_for(built: Built, tmp_path: Path) -> None:
    # Broken in place and put back: another path would be another profile, and cost a whole parse.
    whole = shutil.copy(built.warehouse, tmp_path / "whole.duckdb")
    with duckdb.connect(str(built.warehouse)) as con:
        for damage in DAMAGE:
            con.execute(damage)
    before = contents(built)
    try:
        checked = dbt(built.warehouse, built.target, "test", "--select", "test_type:data")
        # Nothing is incremental: a build over whatever lies there is a build from nothing.
        dbt(built.warehouse, built.target, "run")
        rebuilt = contents(built)
    finally:
        shutil.copy(whole, built.warehouse)
    assert rebuilt == contents(built) != before
    failed = {node.split(".")[2] for node, status in checked.statuses.items() if status == "fail"}
    ours = {p.stem for p in (PROJECT / "tests").rglob("*.sql")}
    assert len(ours) >= 16
    assert {t for t in ours if not any(name.startswith(t) for name in failed)} == set(), (
        "passed on broken data"
    )
    # The identities of these marts, by name.
    for expected in IDENTITIES:
        assert any(name.startswith(expected) for name in failed), f"{expected} passed on broken data"
