"""The one-stop system's database: states with Vietnamese field names, personal columns, and dirt.

DuckDB assembles the rows and writes SQLite through its scanner; numpy only draws the numbers.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from pipelines import duck
from pipelines.demo import calibration as k
from pipelines.demo.dossiers import DAY, make_dossiers, make_states, seconds

FAMILY = [
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Hoàng",
    "Phan",
    "Vũ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Cao",
    "Võ",
]
MIDDLE = [
    "Văn",
    "Thị",
    "Hữu",
    "Đức",
    "Minh",
    "Thanh",
    "Quang",
    "Ngọc",
    "Xuân",
    "Thu",
    "Hồng",
    "Bá",
    "Đình",
    "Khánh",
]
GIVEN = ["An", "Bình", "Cường", "Dũng", "Giang", "Hà", "Hải", "Hạnh", "Hiếu", "Hoa", "Hùng", "Hương", "Lan", "Linh", "Long", "Mai", "Nam", "Nga", "Phong", "Quân", "Sơn", "Tâm", "Thảo", "Thủy", "Trang", "Tú", "Tuấn", "Vân", "Việt", "Yến"]  # fmt: skip
STAMP = "%Y%m%d%H%M%S"
READABLE = "%Y-%m-%d %H:%M:%S"

ROWS = """
create temp table ho_so as
with texts as (
    select s.*, d.* exclude (received, index),
        p.procedure_code, p.procedure_name, p.sector_code, p.sector_name, p.service_level,
        (hash(d.index, 1) % {families})::bigint as f1, (hash(d.index, 2) % {middles})::bigint as f2, (hash(d.index, 3) % {givens})::bigint as f3
    from states s join dossiers d on d.index = s.dossier join procedures p on p.index = d.procedure
)
select
    seq, fault,
    code as "MaHoSo", procedure_code as "MaTTHC", procedure_name as "TenTTHC",
    sector_code as "MaLinhVuc", sector_name as "TenLinhVuc", channel as "KenhThucHien",
    applicant_type as "LoaiDoiTuong",
    family[f1 + 1] || ' ' || middle[f2 + 1] || ' ' || given[f3 + 1] as "ChuHoSo",
    case when dossier % 17 = 0 then family[f3 % {families} + 1] || ' Thị ' || given[f2 + 1] end as "NguoiUyQuyen",
    '040' || lpad((hash(dossier, 4) % 1000000000)::varchar, 9, '0') as "SoDinhDanh",
    'cd' || dossier || '@mau-nghean.vn' as "Email",
    '09' || lpad((hash(dossier, 5) % 100000000)::varchar, 8, '0') as "SoDienThoai",
    'Số ' || dossier % 300 || ', xóm ' || dossier % 20 as "DiaChi",
    strftime(date '1950-01-01' + (hash(dossier, 6) % 20000)::integer, '%d/%m/%Y') as "NgaySinh",
    'Đơn của ' || family[f1 + 1] || ' ' || middle[f2 + 1] || ' ' || given[f3 + 1] as "TrichYeuHoSo",
    null::varchar as "GhiChu",
    family[f2 % {families} + 1] || ' Cán ' || given[f1 + 1] as "NguoiXuLy", 'Chuyên viên' as "ChucDanh",
    strftime(make_timestamp(submitted * 1000000), '{stamp}') as "NgayNopHoSo",
    strftime(make_timestamp(received::bigint * 1000000), '{stamp}') as "NgayTiepNhan",
    case when received is not null then strftime(make_timestamp(due * 1000000), '{stamp}') end as "NgayHenTra",
    strftime(make_timestamp(finished::bigint * 1000000), '{stamp}') as "NgayKetThucXuLy",
    strftime(make_timestamp(returned::bigint * 1000000), '{stamp}') as "NgayTra",
    strftime(make_timestamp(refused::bigint * 1000000), '{stamp}') as "NgayTuChoi",
    strftime(make_timestamp(recorded * 1000000), '{readable}') as "ThoiDiemXuLy",
    strftime(make_timestamp(synced * 1000000), '{readable}') as "ThoiGianDongBo",
    status::varchar as "TrangThaiHoSo", receiving as "NoiNopHoSo", processing as "DonViXuLy",
    case service_level when 'full' then '4' when 'partial' then '3' else '2' end as "MucDo",
    paid as "DuocThanhToanTrucTuyen", digitised::varchar as "DuocSoHoa",
    case when status >= 9 then e_result else 0 end::varchar as "CoKetQuaDienTu",
    supplements::varchar as "SoLanBoSung"
from texts
"""

# What each planted fault does to its row; each violates exactly one rule.
BREAK = {
    "dossier_code_missing": ("MaHoSo", "null"),
    "status_code_unknown": ("TrangThaiHoSo", "'15'"),
    "channel_unknown": ("KenhThucHien", "'9'"),
    "service_level_unknown": ("MucDo", "'7'"),
    "recorded_at_unparseable": ("ThoiDiemXuLy", "'hôm qua'"),
    "received_at_unparseable": ("NgayTiepNhan", "'2025-13-45'"),
    "due_at_unparseable": ("NgayHenTra", "'31/02/2025'"),
    "recorded_at_in_future": ("ThoiDiemXuLy", "'2055' || \"ThoiDiemXuLy\"[5:]"),
    "received_after_recorded": ("NgayTiepNhan", "'20260101080000'"),
    "finished_before_received": ("NgayKetThucXuLy", "'20200101080000'"),
    "receiving_unit_missing": ("NoiNopHoSo", "null"),
    "personal_data_in_text": (
        "TenTTHC",
        '"TenTTHC" || \' - liên hệ \' || "SoDienThoai" || \', CCCD \' || "SoDinhDanh"',
    ),
    "mojibake_in_text": ("TenTTHC", "'Tá»‰nh Nghá»‡ An'"),
}


def write_one_stop(
    path: Path,
    rng: np.random.Generator,
    scale: float,
    until: date,
    reference: Path,
    extensions: Path,
) -> dict:
    """Write the SQLite file; returns the counts of rows, dossiers and planted faults."""
    dossiers = make_dossiers(rng, scale, until, reference)
    states = make_states(rng, dossiers, scale, until)
    evening = seconds(datetime.combine(date(2025, 8, 6), time(23, 59, 59)))
    states, dossiers, counts = _dirt(rng, states, dossiers, scale, evening)
    procedures = pd.read_csv(reference / "procedures.csv", dtype=str).reset_index()
    draft = path.with_suffix(".partial")
    draft.unlink(missing_ok=True)
    with duck.connect(extensions) as con:
        con.execute("set preserve_insertion_order = true")
        for name, frame in (
            ("states", states),
            ("dossiers", dossiers.reset_index()),
            ("procedures", procedures),
        ):
            con.register(name, frame)
        for name, words in (("family", FAMILY), ("middle", MIDDLE), ("given", GIVEN)):
            con.execute(f"set variable {name} = {words!r}")
        sql = ROWS.format(
            families=len(FAMILY),
            middles=len(MIDDLE),
            givens=len(GIVEN),
            stamp=STAMP,
            readable=READABLE,
        )
        for name in ("family", "middle", "given"):
            sql = sql.replace(f"{name}[", f"getvariable('{name}')[")
        con.execute(sql)
        _plant(con)
        con.execute(f"attach {duck.literal(draft)} as out (type sqlite)")
        con.execute(
            "create table out.ho_so_trang_thai as select * exclude (seq, fault) from ho_so "
            'order by "ThoiGianDongBo", seq'
        )
        rows = con.execute("select count(*) from ho_so").fetchone()
        con.execute("detach out")
    _index(draft)
    draft.replace(path)
    assert rows is not None
    return {"rows": int(rows[0]), "dossiers": len(dossiers), **counts}


def _dirt(
    rng: np.random.Generator,
    states: pd.DataFrame,
    dossiers: pd.DataFrame,
    scale: float,
    evening: int,
) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Late arrivals, repeats, corrections and faulty rows, as extra or moved rows with known counts."""
    kind = dossiers["kind"].to_numpy()[states["dossier"]]
    states["fault"], states["seq"] = "", np.arange(len(states))
    middle = np.flatnonzero(
        (states["status"] == 4) & (kind == "period") & (states["synced"] < evening - 9 * DAY)
    )
    late = rng.choice(middle, k.scaled(k.LATE_STATES, scale, k.MIN_FAULTS), False)
    states.loc[late, "synced"] += rng.integers(DAY, 7 * DAY, len(late))

    repeated = states.loc[rng.choice(len(states), k.scaled(k.REPEATS, scale, k.MIN_FAULTS), False)].copy()
    repeated["synced"] += rng.integers(3600, 3 * DAY, len(repeated))
    repeated = repeated[repeated["synced"] <= int(states["synced"].max())]

    # A correction: the first sync told the wrong channel; the later one is the calibrated truth.
    first = np.flatnonzero(
        (states["status"] == 2) & (kind == "period") & (states["synced"] < evening - 5 * DAY)
    )
    corrected = states.loc[rng.choice(first, k.scaled(k.CORRECTIONS, scale, k.MIN_FAULTS), False)].copy()
    states.loc[corrected.index, "fault"] = "wrong_channel"
    corrected["synced"] += rng.integers(DAY, 4 * DAY, len(corrected))

    faulty = []
    plain = np.flatnonzero(
        (states["status"] == 4)
        & (kind == "period")
        & (states["synced"] < evening - DAY)
        & (states["fault"] == "")
    )
    finished = np.flatnonzero(
        (states["status"] == 9) & (kind == "period") & (states["synced"] < evening - DAY)
    )
    for rule, count in k.FAULTS.items():
        pool = finished if rule == "finished_before_received" else plain
        rows = states.loc[rng.choice(pool, k.scaled(count, scale, k.MIN_FAULTS), False)].copy()
        rows["fault"] = rule
        rows["recorded"] += 1
        rows["synced"] += 2
        faulty.append(rows)
    everything = pd.concat([states, repeated, corrected, *faulty], ignore_index=True)
    everything["seq"] = np.arange(len(everything))
    spoken = rng.choice(len(states), k.scaled(k.DECOMPOSED, scale, k.MIN_FAULTS), False)
    quiet = [i for i in spoken if everything.at[i, "fault"] == ""]
    everything.loc[quiet, "fault"] = "decomposed"
    counts = {
        "repeats": len(repeated),
        "corrections": len(corrected),
        "late_states": len(late),
        "late_dossiers": int((dossiers["kind"] == "late").sum()),
        "decomposed_text": len(quiet),
        "rejected": {rule: len(rows) for rule, rows in zip(k.FAULTS, faulty, strict=True)},
        "malformed_code_dossiers": int(dossiers["code"].str.startswith("HS").sum()),
    }
    return everything, dossiers, counts


def _plant(con: duckdb.DuckDBPyConnection) -> None:
    for rule, (column, value) in BREAK.items():
        con.execute(f'update ho_so set "{column}" = {value} where fault = ?', [rule])
    con.execute(
        """update ho_so set "KenhThucHien" = case "KenhThucHien" when '2' then '1' else '2' end
        where fault = 'wrong_channel'"""
    )
    con.create_function("nfd", lambda t: unicodedata.normalize("NFD", t), ["VARCHAR"], "VARCHAR")  # type: ignore[list-item, arg-type]
    con.execute('update ho_so set "TenTTHC" = nfd("TenTTHC") where fault = \'decomposed\'')


def _index(path: Path) -> None:
    import sqlite3

    with sqlite3.connect(path) as con:
        con.execute('create index thoi_gian_dong_bo on ho_so_trang_thai ("ThoiGianDongBo")')
    con.close()
