"""The province that is counted by hand, with what the two engines would read each in its own way, if they could.

An unlisted status (its order is NULL), backslashes and quotes in texts, NULLs in columns that others are ordered by,
times around a change of clocks, a source of which nothing came, a degree that is none.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.unit.small_warehouse import write_raw

# Two states of one moment: 99 is in no list, so its place in the order is NULL. The times are those at which clocks
# in Europe change: an hour that is there twice, one that never was.
LOG = r"""
insert into raw.dossier_log by name
    select
        col0 as dossier_code, 'Cấp "đổi" thẻ \ ''giấy'' tờ' as procedure_name, col1 as procedure_code,
        nullif(col2, '') as sector_code, 'Lĩnh vực ' || col2 as sector_name, 'online' as channel,
        'citizen' as applicant_type, 'full' as service_level, 'NEW' as receiving_unit_code,
        'HAI' as processing_unit_code, col3 as status_code, col4::timestamp as recorded_at,
        col5::timestamp as synced_at, col6::timestamp as received_at, null::timestamp as due_at,
        0 as supplement_requests, col7 as batch_id, col8::date as partition_key, col9::bigint as _row
    from (values
        ('T\1', '1.000001.000.00.00.H41', 'A\B', 2, '2025-07-01 02:30:00', '2025-07-01 02:30:00',
            '2025-07-01 02:30:00', 'b1', '2025-07-01', 90),
        ('T\1', '1.000001.000.00.00.H41', 'A\B', 99, '2025-07-01 02:30:00', '2025-07-01 02:30:00',
            null, 'b1', '2025-07-01', 91),
        ('T''2', 'X.1.002.00.00.H41', '''', 2, '2025-03-30 02:30:00', '2025-07-01 03:00:00',
            '2025-03-30 02:30:00', 'b1', '2025-07-01', 92),
        ('T"3', '1.000001', '', 2, '2024-10-27 02:30:00', '2025-07-02 01:00:00',
            '2024-10-27 02:30:00', 'b2', '2025-07-02', 93),
        ('T"3', '1.000001', '', 4, '2024-10-27 02:30:00', '2025-07-02 01:00:00',
            null, 'b2', '2025-07-02', 94));
update raw.batches set rows_read = rows_read + 3, rows_accepted = rows_accepted + 3 where batch_id = 'b1';
update raw.batches set rows_read = rows_read + 2, rows_accepted = rows_accepted + 2 where batch_id = 'b2';
"""
# An issue that is reopened: what its snapshots say of the end is NULL in the newest of a phase.
ISSUES = r"""
insert into raw.issue_register by name
    select
        'I\9' as issue_code, timestamp '2025-07-01 07:00:00' as reported_at, 'NEW' as unit_code,
        'network' as category, 'high' as severity, 'commune' as addressed_to_level, col0 as status,
        null::timestamp as resolved_at, col1::timestamp as last_update_at, col2 as batch_id,
        col3::date as partition_key, col4::bigint as _row
    from (values
        ('resolved', '2025-07-02 09:00:00', 'i2', '2025-07-02', 90),
        ('resolved', null, 'i3', '2025-07-03', 91));
update raw.batches set rows_read = rows_read + 1, rows_accepted = rows_accepted + 1 where batch_id in ('i2', 'i3');
"""
# Java reads 1d as a number; a comma is a point here, and text is none.
DEGREES = """
update raw.units set latitude = '19,12', longitude = '1d' where unit_code = 'NEW';
update raw.units set latitude = '0x1p3', longitude = '105.5' where unit_code = 'HAI';
"""
NOTHING = """
delete from raw.citizen_feedback;
delete from raw.batches where source = 'citizen_feedback';
"""


def write_trap_province(warehouse: Path) -> None:
    write_raw(warehouse)
    with duckdb.connect(str(warehouse)) as con:
        for part in (LOG, ISSUES, DEGREES, NOTHING):
            con.execute(part)
