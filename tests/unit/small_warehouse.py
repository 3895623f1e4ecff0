"""A province small enough to count by hand, as raw tables, and dbt run on it in a time zone far from the province's."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse import dbt
from tests import crashing

AS_OF = "2025-07-04 12:00:00"
STATUSES = "statuses.json"

# Three dossiers of July, one of June; A was delivered twice, B corrected from postal to online.
# C was recorded a second after the first cut-off. One row was rejected.
# The tracker: three provincial tasks; commune NEW has X1, put off from the 3rd to the 8th, and X2, gone on
# the 3rd; commune HAI reports nothing. The register: I1 went from the commune to the province on the 3rd,
# I2 was gone then. Feedback: F1 was answered on the 3rd and complained of again as F4, which has its own due
# time; F2 was gone on the 3rd; F3 only rates.
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
        date '2025-07-01' as counts_since, true as stopped_is_end, false as done_by_word,
        'Toàn tỉnh' as whole_name_vi, [] :: varchar[] as late_phrases, [] :: varchar[] as in_time_phrases;
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
create table raw.citizen_feedback as
    select
        col0 as feedback_code, col1::timestamp as received_at, col2 as unit_code, col3 as sector_code, col4 as kind,
        col5 as status, col6::timestamp as due_at, col7::timestamp as answered_at, col8 as satisfaction,
        case when col4 in ('procedure', 'regulation') then 'A' end as dossier_code,
        coalesce(col7, col1)::timestamp as last_update_at, 'f' || col9 as batch_id,
        ('2025-07-0' || col9)::date as partition_key, row_number() over ()::bigint as _row
    from (values
        ('F1', '2025-07-01 08:00:00', 'NEW', 'HT', 'procedure', 'new', null, null, null, '2'),
        ('F2', '2025-07-01 09:00:00', 'HAI', null, 'conduct', 'new', null, null, null, '2'),
        ('F3', '2025-07-02 07:00:00', 'NEW', 'HT', 'rating', 'published', null, null, 5, '2'),
        ('F1', '2025-07-01 08:00:00', 'NEW', 'HT', 'procedure', 'answered', null, '2025-07-03 09:00:00', 1, '3'),
        ('F3', '2025-07-02 07:00:00', 'NEW', 'HT', 'rating', 'published', null, null, 5, '3'),
        ('F4', '2025-07-03 10:00:00', 'NEW', 'HT', 'regulation', 'new', '2025-07-04 10:00:00', null, null, '3'));
create table raw.national_ranking as
    select
        timestamp '2025-07-02 16:00:00' as captured_at, col0 as province_code, col0 as province_name,
        100::bigint as received_total, col1::bigint as online_total, 0::bigint as in_person_total,
        0::bigint as postal_total, 0::bigint as on_time_total, 0::bigint as overdue_total,
        'n2' as batch_id, date '2025-07-02' as partition_key, col1::bigint as _row
    from (values ('40', 72), ('01', 80), ('04', 10));
create table raw.national_index as
    select
        timestamp '2025-07-02 16:00:00' as captured_at, date '2025-07-01' as period_start, col0 as province_code,
        col0 as province_name, col1::double as progress_points, 9.5::double as total_points, 'x2' as batch_id,
        date '2025-07-02' as partition_key, row_number() over ()::bigint as _row
    from (values ('40', 9), ('01', 9.5));
create table raw.units as
    select
        col0 as unit_code, col1 as unit_name, 'xã' as unit_type, col2 as unit_level,
        null::varchar as district_name, true as is_current,
        col3::date as valid_from, col4::date as valid_to,
        null::varchar as latitude, null::varchar as longitude
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
        'query' as origin, timestamp '2025-07-04 01:00:00' as pulled_at, 'run' as run_id,
        'current' as standing
    from (values ('b1', 'dossier_log', '2025-07-01', 4, 3), ('b2', 'dossier_log', '2025-07-02', 3, 3),
                 ('b3', 'dossier_log', '2025-07-03', 1, 1), ('t3', 'task_tracker', '2025-07-03', 4, 4),
                 ('t2', 'task_tracker', '2025-07-02', 2, 2), ('i2', 'issue_register', '2025-07-02', 2, 2),
                 ('i3', 'issue_register', '2025-07-03', 1, 1), ('f2', 'citizen_feedback', '2025-07-02', 3, 3),
                 ('f3', 'citizen_feedback', '2025-07-03', 3, 3), ('n2', 'national_ranking', '2025-07-02', 3, 3),
                 ('x2', 'national_index', '2025-07-02', 2, 2),
                 ('u1', 'reference_units', '2025-07-01', 3, 3));
create table raw.withdrawals (
    event_id bigint, event varchar, source varchar, partition_key date, batch_id varchar, author varchar,
    reason varchar, happened_at timestamp);
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


def write_raw(warehouse: Path) -> None:
    """The tables of RAW; a column of a contract that no row above needs is null."""
    contracts = load_contracts(PROJECT / "sources.yaml")
    with duckdb.connect(str(warehouse)) as con:
        con.execute(RAW)
        for source, columns in contracts.accepted_columns().items():
            for name, kind in columns.items():
                con.execute(f'alter table raw.{source} add column if not exists "{name}" {kind}')


class Built(NamedTuple):
    """A warehouse that dbt built, and what dbt said of every node: unique id → status."""

    settings: Settings
    statuses: dict[str, str]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as con:
            return con.execute(sql).fetchall()

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.settings.dbt_target / "manifest.json").read_text(encoding="utf-8"))

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every published table → how many rows, and a sum of their hashes that no order changes."""
        tables = self.rows(
            "select schema_name, table_name from duckdb_tables() "
            "where schema_name in ('marts', 'audit') order by all"
        )
        return {
            f"{schema}.{name}": self.rows(f"select count(*), sum(hash(t)) from {schema}.{name} as t")
            for schema, name in tables
        }


def build_province(data: Path) -> None:
    """Everything that dbt does, unit tests included; what it said of each node stands beside the warehouse."""
    settings = Settings(data=data)
    write_raw(settings.warehouse)
    (data / STATUSES).write_text(json.dumps(run_dbt(settings, "build").statuses), encoding="utf-8")


def read_built(data: Path) -> Built:
    return Built(Settings(data=data), json.loads((data / STATUSES).read_text(encoding="utf-8")))


def run_dbt(settings: Settings, *words: str) -> Built:
    """As the pipeline does, but with the machine's clock zone far from the province's."""
    return Built(settings, crashing.ask_in_child(_run_far_away, settings, *words))


def _run_far_away(settings: Settings, *words: str) -> dict[str, str]:
    os.environ["TZ"] = "America/Los_Angeles"
    time.tzset()
    outcome = dbt._invoke(settings, *words, "--log-level-file", "none", manifest=dbt.read_parsed(settings))
    assert outcome.result is not None, outcome.exception
    return {result.node.unique_id: str(result.status) for result in outcome.result.results}
