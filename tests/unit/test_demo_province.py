"""The one-stop system of the demo province: what the manifest promises, counted by plain SQL."""

from __future__ import annotations

import csv
import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.demo import REFERENCE, SEED, generate, list_crowded_days, load_into_postgres
from pipelines.demo.province import Province
from pipelines.demo.systems.one_stop import write_system

SCALE = 0.01
# 1 % of the published totals (docs/domain.md K1), rounded.
RECEIVED, ONLINE, RETURNED = 3_109, 2_249, 2_526

# Each rule the demo breaks, as a clerk would search for it.
BROKEN = {
    "dossier_code_missing": "MaHoSo is null",
    "status_code_unknown": "TrangThaiHoSo not in ('1','2','3','4','5','6','7','8','9','10')",
    "channel_unknown": "KenhThucHien not in ('1','2','3')",
    "service_level_unknown": "MucDo not in ('2','3','4')",
    "recorded_at_unparseable": "datetime(ThoiDiemXuLy) is null",
    "received_at_unparseable": "NgayTiepNhan glob '*[^0-9]*'",
    "due_at_unparseable": "NgayHenTra glob '*[^0-9]*'",
    "recorded_at_in_future": "datetime(ThoiDiemXuLy) > datetime(ThoiGianDongBo, '+1 day')",
    "received_after_recorded": "NgayTiepNhan > '2026' and NgayTiepNhan not glob '*[^0-9]*'",
    "finished_before_received": "NgayKetThucXuLy < NgayTiepNhan and NgayTiepNhan < '2026'",
    "receiving_unit_missing": "NoiNopHoSo is null",
    "personal_data_in_text": "TenTTHC glob '*09[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]*'",
    "mojibake_in_text": "TenTTHC like '%»%'",
}
CODE = re.compile(
    r"^([0-9A-Z]{3}\.[0-9A-Z]{2}\.[0-9A-Z]{2}\.[A-Z]\d{2}-\d{6}-\d{4,}|"
    r"[A-Z]\d{2}(\.\d{1,3}){0,3}-(\d{6}|\d{8})-\d{4,7})$"
)


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("province") / "demo"
    return root, generate(root, scale=SCALE)


@pytest.fixture(scope="module")
def planted(province: tuple[Path, dict[str, Any]]) -> dict[str, Any]:
    return province[1]["one_stop"]


@pytest.fixture(scope="module")
def log(province: tuple[Path, dict[str, Any]]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(province[0] / "one_stop.sqlite")) as con:
        con.execute(f"create temp view clean as select * from ho_so_trang_thai where not ({_any_broken()})")
        yield con


def _any_broken() -> str:
    return " or ".join(f"coalesce({where}, false)" for where in BROKEN.values())


def _one(con: sqlite3.Connection, sql: str) -> Any:
    return con.execute(sql).fetchone()[0]


def test_published_totals_are_met_to_the_dossier(log: sqlite3.Connection) -> None:
    totals = log.execute(
        """
        with states as (
            select *, row_number() over (
                partition by MaHoSo, ThoiDiemXuLy, TrangThaiHoSo order by ThoiGianDongBo desc) as newest
            from clean
            where ThoiGianDongBo <= '2025-08-06 23:59:59' and ThoiDiemXuLy <= '2025-08-06 16:00:00'
        ), dossiers as (
            select MaHoSo, max(NgayTiepNhan) as received, max(KenhThucHien = '2') as online,
                max(TrangThaiHoSo = '10') as returned
            from states where newest = 1 group by MaHoSo
        )
        select count(*), sum(online), sum(returned) from dossiers
        where received between '20250701000000' and '20250806160000'
        """
    ).fetchone()
    assert totals == (RECEIVED, ONLINE, RETURNED)


@pytest.mark.parametrize("rule", BROKEN)
def test_every_planted_rejection_is_found_and_counted(
    log: sqlite3.Connection, planted: dict[str, Any], rule: str
) -> None:
    assert _one(log, f"select count(*) from ho_so_trang_thai where {BROKEN[rule]}") == 4
    assert planted["rejected"][rule] == 4


def test_a_rejected_row_breaks_exactly_one_rule(log: sqlite3.Connection, planted: dict[str, Any]) -> None:
    broken = " + ".join(f"coalesce({where}, false)" for where in BROKEN.values())
    broken_rules = log.execute(f"select {broken}, count(*) from ho_so_trang_thai group by 1").fetchall()
    assert {rules for rules, _ in broken_rules} == {0, 1}
    assert dict(broken_rules)[1] == 13 * 4
    by_day = dict(
        log.execute(
            f"select substr(ThoiGianDongBo, 1, 10), count(*) from ho_so_trang_thai "
            f"where {_any_broken()} group by 1"
        ).fetchall()
    )
    assert planted["rejected_by_day"] == by_day


@pytest.mark.parametrize("scale", [0.002, 0.004])
def test_a_small_province_has_room_for_its_faults(tmp_path: Path, scale: float) -> None:
    """A day with more than 2 % of broken rows is blocked (`max_rejected_share` of sources.yaml)."""
    manifest = write_system(Province(tmp_path, date(2025, 8, 7), scale, SEED), {})
    assert list_crowded_days(manifest) == []
    with closing(sqlite3.connect(tmp_path / "one_stop.sqlite")) as con:
        shares = con.execute(
            f"select 1.0 * count(*) filter (where {_any_broken()}) / count(*) from ho_so_trang_thai "
            "group by substr(ThoiGianDongBo, 1, 10)"
        ).fetchall()
        assert max(share for (share,) in shares) <= 0.02
        for rule, where in BROKEN.items():
            count = _one(con, f"select count(*) from ho_so_trang_thai where {where}")
            assert 0 < count == manifest["one_stop"]["rejected"][rule]


def test_a_province_too_small_for_its_faults_says_so(tmp_path: Path) -> None:
    manifest = write_system(Province(tmp_path, date(2025, 8, 7), 0.0005, SEED), {})
    assert all(manifest["one_stop"]["rejected"].values()) and list_crowded_days(manifest)


def test_repeats_and_corrections_are_told_apart_by_what_they_say(
    log: sqlite3.Connection, planted: dict[str, Any]
) -> None:
    pairs = """
        select a.KenhThucHien is b.KenhThucHien and a.NoiNopHoSo is b.NoiNopHoSo as same, count(*)
        from clean a join clean b using (MaHoSo, ThoiDiemXuLy, TrangThaiHoSo)
        where a.ThoiGianDongBo < b.ThoiGianDongBo group by 1
    """
    repeats = dict(log.execute(pairs).fetchall())
    assert repeats == {1: planted["repeats"], 0: planted["corrections"]} == {1: 200, 0: 30}


def test_a_correction_tells_the_later_sync_the_truth(log: sqlite3.Connection) -> None:
    """Other states of the dossier never told the wrong channel."""
    contradicted = """
        with states as (
            select *, row_number() over (
                partition by MaHoSo, ThoiDiemXuLy, TrangThaiHoSo order by ThoiGianDongBo desc) as newest
            from clean)
        select count(*) from (select MaHoSo from states where newest = 1
            group by MaHoSo having count(distinct coalesce(KenhThucHien, '1')) > 1)
    """
    assert _one(log, contradicted) == 0


def test_late_arrivals(log: sqlite3.Connection, planted: dict[str, Any]) -> None:
    first = """
        select MaHoSo, ThoiDiemXuLy, min(ThoiGianDongBo) as synced from clean
        group by MaHoSo, ThoiDiemXuLy, TrangThaiHoSo
    """
    by_day = f"""
        select count(*) from ({first}) where synced > datetime(ThoiDiemXuLy, '+1 day')
        and synced <= '2025-08-06 23:59:59'
    """
    assert _one(log, by_day) == planted["late_states"] == 25
    dossiers = """
        select count(*) from (select max(NgayTiepNhan) as received, min(ThoiGianDongBo) as synced
            from clean group by MaHoSo)
        where received <= '20250806160000' and synced >= '2025-08-07 08:00:00'
    """
    assert _one(log, dossiers) == planted["late_dossiers"] == 4


def test_text_that_is_not_composed(log: sqlite3.Connection, planted: dict[str, Any]) -> None:
    names = [name for (name,) in log.execute("select TenTTHC from clean")]
    decomposed = [name for name in names if not unicodedata.is_normalized("NFC", name)]
    assert len(decomposed) == planted["decomposed_text"] == 8


def test_codes_of_three_shapes(log: sqlite3.Connection, planted: dict[str, Any]) -> None:
    codes = {code for (code,) in log.execute("select distinct MaHoSo from clean")}
    assert sum(not CODE.match(code) for code in codes) == planted["malformed_code_dossiers"] == 4
    assert sum(code.startswith("000.") for code in codes) == 20


def test_every_row_has_personal_data_to_drop(log: sqlite3.Connection) -> None:
    for column in ("ChuHoSo", "SoDinhDanh", "Email", "SoDienThoai", "DiaChi", "NgaySinh", "NguoiXuLy"):
        assert _one(log, f'select count(*) from ho_so_trang_thai where "{column}" is null') == 0
    for column in ("NguoiUyQuyen", "GhiChu"):
        assert 0 < _one(log, f'select count("{column}") from ho_so_trang_thai') < 2_000


def test_units_are_valid_on_the_day_they_are_named(log: sqlite3.Connection) -> None:
    """A code means nothing without a date (docs/domain.md §6): received in June = an old commune."""
    with (REFERENCE / "units.csv").open(encoding="utf-8") as stream:
        spans = [(u["unit_code"], u["valid_from"], u["valid_to"] or "9999") for u in csv.DictReader(stream)]
    log.execute("create temp table spans (code text, first text, last text)")
    log.executemany("insert into spans values (?, ?, ?)", spans)
    log.execute("create index temp.by_code on spans (code)")
    for unit, day in (
        (
            "NoiNopHoSo",
            "substr(NgayTiepNhan,1,4)||'-'||substr(NgayTiepNhan,5,2)||'-'||substr(NgayTiepNhan,7,2)",
        ),
        ("DonViXuLy", "substr(ThoiDiemXuLy,1,10)"),
    ):
        validity = log.execute(
            f"select (select count(*) from spans where code = {unit} and first <= {day} and {day} < last), "
            "count(*) from clean where NgayTiepNhan is not null group by 1"
        ).fetchall()
        assert [valid for valid, _ in validity] == [1], unit
    assert _one(log, "select count(*) from clean where NoiNopHoSo <> DonViXuLy") > 100


def test_states_of_a_dossier_are_in_order(log: sqlite3.Connection) -> None:
    """Received (2), finished (9), returned (10), at times that do not go back."""
    steps = """
        select count(*) from (select
            min(case when TrangThaiHoSo = '2' then ThoiDiemXuLy end) as received,
            max(case when TrangThaiHoSo in ('4', '5') then ThoiDiemXuLy end) as processed,
            max(case when TrangThaiHoSo = '9' then ThoiDiemXuLy end) as finished,
            max(case when TrangThaiHoSo = '10' then ThoiDiemXuLy end) as returned
            from clean group by MaHoSo)
        where received > processed or processed > finished or finished > returned
    """
    assert _one(log, steps) == 0
    ended = "select count(distinct MaHoSo) from clean where TrangThaiHoSo in ({})"
    assert _one(log, ended.format("'7','8'")) > 0
    assert _one(log, ended.format("'3'")) == 50


def test_the_log_is_a_working_week(log: sqlite3.Connection) -> None:
    by_weekday = dict(
        log.execute("select strftime('%w', ThoiDiemXuLy), count(*) from clean group by 1").fetchall()
    )
    assert by_weekday["0"] < by_weekday["6"] < min(by_weekday[day] for day in "12345")
    first, last, rows = log.execute(
        "select min(ThoiGianDongBo), max(ThoiGianDongBo), count(*) from ho_so_trang_thai"
    ).fetchone()
    assert (first[:10], last[:10]) == ("2025-06-01", "2025-08-07")
    assert 4.2 < rows / _one(log, "select count(distinct MaHoSo) from ho_so_trang_thai") < 5.2


def test_the_manifest_counts_the_rows_of_each_day(
    province: tuple[Path, dict[str, Any]], log: sqlite3.Connection
) -> None:
    manifest = province[1]
    by_day = dict(
        log.execute("select substr(ThoiGianDongBo, 1, 10), count(*) from ho_so_trang_thai group by 1")
    )
    assert manifest["one_stop"]["rows_by_day"] == by_day
    assert manifest["rows"]["one_stop"] == sum(by_day.values())
    assert (manifest["seed"], manifest["scale"]) == (SEED, SCALE)


def test_the_whole_province_meets_the_published_totals() -> None:
    """At full scale, in memory: 310 903 received, 224 930 online, 252 648 returned (docs/domain.md K1)."""
    from pipelines.demo.dossiers import make_dossiers
    from pipelines.demo.states import make_states

    until, rng = date(2025, 8, 7), np.random.default_rng(SEED)
    dossiers = make_dossiers(rng, 1.0, until, REFERENCE)
    states = make_states(rng, dossiers, 1.0, until)
    start, cut, midnight = (
        (moment - datetime(1970, 1, 1)).total_seconds()
        for moment in (datetime(2025, 7, 1), datetime(2025, 8, 6, 16), datetime(2025, 8, 7))
    )
    synced = states[(states["recorded"] <= cut) & (states["synced"] < midnight)]
    received = synced[synced["received"] >= start]
    counted = np.sort(received["dossier"].unique())
    assert len(counted) == 310_903
    assert (dossiers.loc[counted, "channel"] == "2").sum() == 224_930
    assert received.loc[received["status"] == 10, "dossier"].nunique() == 252_648


def _content(root: Path) -> dict[str, str]:
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def test_the_same_seed_gives_the_same_bytes(province: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    generate(tmp_path / "demo", scale=SCALE)
    assert _content(tmp_path / "demo") == _content(province[0])


def test_a_whole_province_is_not_made_again(province: tuple[Path, dict[str, Any]]) -> None:
    root, manifest = province
    written = (root / "one_stop.sqlite").stat().st_mtime_ns
    assert generate(root, scale=SCALE) == manifest
    assert (root / "one_stop.sqlite").stat().st_mtime_ns == written


def test_a_province_without_its_manifest_is_made_again(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    first = generate(root, scale=0.001)
    (root / "manifest.json").unlink()
    again = generate(root, scale=0.001, seed=1)
    assert again["one_stop"]["rows_by_day"] != first["one_stop"]["rows_by_day"]
    assert again["one_stop"]["rejected"].keys() == first["one_stop"]["rejected"].keys()
    assert not list(root.rglob("*.partial"))


def test_the_demo_does_not_end_before_its_cut_off(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2025-08-05"):
        generate(tmp_path / "demo", until=date(2025, 8, 5), scale=0.001)


def test_the_log_loads_into_postgresql(province: tuple[Path, dict[str, Any]], postgres: str) -> None:
    import psycopg

    rows = province[1]["rows"]["one_stop"]
    assert load_into_postgres(province[0] / "one_stop.sqlite", postgres) == rows
    with psycopg.connect(postgres) as con:
        counts = con.execute('select count(*), count("KenhThucHien") from ho_so_trang_thai').fetchone()
    assert counts[0] == rows and counts[1] < rows


def test_every_source_of_the_demo_has_a_system_that_writes_it() -> None:
    from pipelines.demo.systems import load_systems
    from pipelines.settings import PROJECT
    from pipelines.sources.contracts.contract import load_contracts

    sources = set(load_contracts(PROJECT / "sources.yaml").sources)
    systems = list(load_systems())
    assert set(systems) == sources - {"dossier_log"} | {"one_stop"}
    assert systems.index("one_stop") < systems.index("national_ranking")
