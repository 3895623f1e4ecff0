"""The whole demo province once: K1–K4, against an independent count straight from the demo's database.

The oracle reads the source with sqlite3 and pandas and shares no SQL and no code with the pipeline.
By `make test-full`: every run counts one hundredth of the province a second time (test_oracle).
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from pipelines.lake.catalogue import open_lake
from tests.conftest import Province
from tests.golden.rows import count_rows, read_golden
from tests.support.commands import read_output

pytestmark = [pytest.mark.slow, pytest.mark.full]

CUTOFF = pd.Timestamp("2025-08-06 16:00:00")
END_OF_DAY = pd.Timestamp("2025-08-06 23:59:59")


def read_sound_states(database: Path) -> pd.DataFrame:
    """The rows that count, in the order of their delivery; plain pandas, the row rules written by hand."""
    query = (
        "select MaHoSo code, TrangThaiHoSo status, ThoiDiemXuLy recorded, ThoiGianDongBo synced, "
        "NgayTiepNhan received, NgayHenTra due, NgayKetThucXuLy finished, KenhThucHien channel, MucDo level, "
        "NoiNopHoSo unit, TenTTHC name from ho_so_trang_thai where ThoiGianDongBo < '2025-08-07'"
    )
    with sqlite3.connect(database) as con:
        log = pd.read_sql(query, con)
    log["recorded"] = pd.to_datetime(log["recorded"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    log["synced"] = pd.to_datetime(log["synced"], format="%Y-%m-%d %H:%M:%S")
    good = log["code"].notna() & log["unit"].notna() & log["recorded"].notna()
    good &= log["status"].isin([str(n) for n in range(1, 11)])
    good &= log["channel"].isna() | log["channel"].isin(["1", "2", "3"])
    good &= log["level"].isin(["2", "3", "4"])
    for name in ("received", "due", "finished"):
        is_stated = log[name].notna()
        log[name] = pd.to_datetime(log[name], format="%Y%m%d%H%M%S", errors="coerce")
        good &= ~(is_stated & log[name].isna())
    day = pd.Timedelta(days=1)
    good &= ~(log["recorded"] > log["synced"] + day) & ~(log["received"] > log["recorded"] + day)
    good &= ~(log["finished"] < log["received"])
    good &= ~log["name"].str.contains(r"\d{10}|á»", regex=True)
    return log[good].sort_values("synced", kind="stable")


def count_dossiers(states: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per dossier as known at `as_of`."""
    kept = states[states["recorded"] <= as_of]
    kept = kept.drop_duplicates(["code", "recorded", "status"], keep="last")
    kept = kept.assign(order=kept["status"].astype(int)).sort_values(["code", "recorded", "order"])
    kept["received"] = kept.groupby("code")["received"].ffill()
    last = kept.groupby("code").tail(1)
    return last[(last["received"] >= "2025-07-01") & (last["received"] <= as_of)]


@pytest.fixture(scope="module")
def states(full_province: Province) -> pd.DataFrame:
    return read_sound_states(full_province.settings.data / "demo" / "one_stop.sqlite")


def test_the_published_figures_and_an_independent_count_agree(
    full_province: Province, states: pd.DataFrame
) -> None:
    status = json.loads(read_output(full_province.settings, "status", "--json"))
    assert (status["received"], status["online"], status["national_rank"], status["rank_movement"]) == (
        310_903,
        224_930,
        20,
        5,
    )
    assert round(status["rate"] * 100, 2) == 72.35
    assert status["tasks"] == {"total": 23, "completed": 14, "in_term": 9, "overdue": 0}
    counted = count_dossiers(states, CUTOFF)
    assert len(counted) == 310_903
    assert int((counted["channel"] == "2").sum()) == 224_930
    assert int((counted["status"] == "10").sum()) == 252_648


def test_every_table_has_the_rows_it_had(full_province: Province) -> None:
    counts = count_rows(full_province.settings.data)
    assert counts == read_golden("whole"), "if meant: python -m tests.golden whole DATA"


def test_every_commune_agrees_with_the_independent_count(
    full_province: Province, states: pd.DataFrame
) -> None:
    counted = count_dossiers(states, END_OF_DAY)
    by_unit = counted.assign(online=counted["channel"].eq("2")).groupby("unit")["online"].agg(["size", "sum"])
    with open_lake(full_province.settings) as con:
        marts = con.execute(
            "select unit_code, denominator, numerator from lake.marts.online_submission_rate "
            "where period = 'since_start' and as_of_day = date '2025-08-06' "
            "and unit_level <> 'province' and denominator > 0"
        ).fetchall()
        tasks = con.execute(
            "select count(distinct unit_code), count(*) from lake.marts.task_ledger "
            "where owner_level = 'commune'"
        ).fetchall()
    assert {code: (n, online) for code, n, online in marts} == {
        str(code): (int(row["size"]), int(row["sum"])) for code, row in by_unit.iterrows()
    }
    assert tasks == [(130, 130 * 16)]  # K4
