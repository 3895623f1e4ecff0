"""What a good engineer writes by hand in an afternoon: one DuckDB script from the one-stop database to the
headline. No batches, no reports, no releases: the floor that the pipeline is measured against.

    python benchmarks/duckdb_script.py one_stop.sqlite
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path

import duckdb

STAMP = "%Y%m%d%H%M%S"
READABLE = "%Y-%m-%d %H:%M:%S"

TYPED = f"""
create table typed as
select
    "MaHoSo" as dossier_code, "MaTTHC" as procedure_code, nfc_normalize(trim("TenTTHC")) as procedure_name,
    "MaLinhVuc" as sector_code, "NoiNopHoSo" as receiving_unit_code, "DonViXuLy" as processing_unit_code,
    "MucDo" as level_raw, case "MucDo" when '4' then 'full' when '3' then 'partial' when '2' then 'information' end as service_level,
    "KenhThucHien" as channel_raw,
    case when "KenhThucHien" is null then 'in_person' else
        case "KenhThucHien" when '1' then 'in_person' when '2' then 'online' when '3' then 'postal' end end as channel,
    try_cast("TrangThaiHoSo" as integer) as status_code,
    try_strptime("ThoiDiemXuLy", '{READABLE}') as recorded_at, try_strptime("ThoiGianDongBo", '{READABLE}') as synced_at,
    "NgayTiepNhan" as received_raw, try_strptime("NgayTiepNhan", '{STAMP}') as received_at,
    "NgayHenTra" as due_raw, try_strptime("NgayHenTra", '{STAMP}') as due_at,
    try_strptime("NgayKetThucXuLy", '{STAMP}') as finished_at, try_strptime("NgayTra", '{STAMP}') as returned_at
from src.ho_so_trang_thai where "ThoiGianDongBo" < '2025-08-07'
"""

CHECKED = r"""
create table checked as select *,
    dossier_code is null or status_code is null or status_code not between 1 and 10
    or recorded_at is null or channel is null or (level_raw is not null and service_level is null)
    or (received_raw is not null and received_at is null) or (due_raw is not null and due_at is null)
    or coalesce(recorded_at > synced_at + interval 1 day, false)
    or coalesce(received_at > recorded_at + interval 1 day, false) or coalesce(finished_at < received_at, false)
    or receiving_unit_code is null or coalesce(regexp_matches(procedure_name, '\b\d{12}\b|\b0[35789]\d{8}\b'), false)
    or coalesce(regexp_matches(procedure_name, 'á»|áº'), false) as is_rejected
from typed
"""

STATES = """
create table states as
select * exclude (n, is_rejected, channel_raw, level_raw, received_raw, due_raw) from (
    select *, row_number() over (partition by dossier_code, recorded_at, status_code order by synced_at desc) as n
    from checked where not is_rejected
) where n = 1
"""

# State at the cut-off: the last row recorded by then; received = the last known time of receipt.
REGISTER = """
create table register as
select dossier_code, arg_max(channel, (recorded_at, status_code)) as channel,
    arg_max(receiving_unit_code, (recorded_at, status_code)) as unit,
    arg_max(sector_code, (recorded_at, status_code)) as sector,
    arg_max(service_level, (recorded_at, status_code)) as service_level,
    arg_max(status_code, (recorded_at, status_code)) as status_code,
    coalesce(arg_max(received_at, (recorded_at, status_code)), min(recorded_at) filter (status_code not in (1, 3))) as received_at
from states where recorded_at <= timestamp '2025-08-06 16:00:00' group by 1
"""

MARTS = {
    "headline": """select count(*) as received, count(*) filter (channel = 'online') as online,
        count(*) filter (status_code = 10) as returned from register
        where received_at between timestamp '2025-07-01' and timestamp '2025-08-06 16:00:00'""",
    "by_channel": """select received_at::date as day, unit, sector, service_level, channel, count(*) as n
        from register where received_at is not null group by all""",
    "rate": """select unit, count(*) as received, count(*) filter (channel = 'online') as online,
        online / received as rate from register where received_at >= timestamp '2025-07-01' group by 1""",
    "register": "from register",
}


def main(database: str) -> None:
    con = duckdb.connect()
    package = Path(importlib.import_module("duckdb_extension_sqlite_scanner").__file__ or "").parent
    con.execute(f"load '{next(package.rglob('*.duckdb_extension'))}'")
    con.execute(f"attach '{database}' as src (type sqlite, read_only)")
    for statement in (TYPED, CHECKED, STATES, REGISTER):
        con.execute(statement)
    with tempfile.TemporaryDirectory() as folder:
        con.execute(f"copy (from checked where is_rejected) to '{folder}/rejected.parquet'")
        for name, query in MARTS.items():
            con.execute(f"copy ({query}) to '{folder}/{name}.parquet'")
    row = con.execute(MARTS["headline"]).fetchone()
    assert row is not None
    rejected = con.execute("select count(*) from checked where is_rejected").fetchone()
    assert rejected is not None
    print(json.dumps({"received": row[0], "online": row[1], "returned": row[2], "rejected": rejected[0]}))


if __name__ == "__main__":
    main(sys.argv[1])
