"""A tiny province and a week of its nights, with every reason a rate can move planted by hand.

`python -m tests.week` builds it under THONGSUOT_DATA. What each release must say is written here, in
words a reader can check against the planted rows, and asserted in test_explained.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from pipelines.settings import PROJECT, Settings
from pipelines.warehouse.data_tests import build_models

SCALE = 0.002
UNIT, OTHER_UNIT = "16681", "16690"


class Row(NamedTuple):
    """A state of a planted dossier: received and recorded at the same moment."""

    code: str
    recorded: str
    synced: str
    channel: str = "2"
    unit: str = UNIT


def code(day: str, number: int) -> str:
    return f"H41.900-{day.replace('-', '')}-{number:07d}"


LATE, LATE_FOR_CUTOFF = code("2025-08-03", 1), code("2025-07-20", 2)
CHANNEL, MOVED = code("2025-08-01", 3), code("2025-08-01", 4)
UNKNOWN_CHANNEL, TAKEN_BACK = code("2025-08-05", 5), code("2025-08-05", 6)
ROWS = [
    Row(LATE, "2025-08-03 10:00:00", "2025-08-05 09:00:00"),
    Row(LATE_FOR_CUTOFF, "2025-07-20 10:00:00", "2025-08-05 09:00:00"),
    # Told twice for the same moment: the later sync wins.
    Row(CHANNEL, "2025-08-01 09:00:00", "2025-08-01 09:05:00"),
    Row(CHANNEL, "2025-08-01 09:00:00", "2025-08-05 09:05:00", channel="1"),
    Row(MOVED, "2025-08-01 09:00:00", "2025-08-01 09:05:00"),
    Row(MOVED, "2025-08-01 09:00:00", "2025-08-05 09:05:00", unit=OTHER_UNIT),
    # Rejected until the value map knows the word, and again when it is forgotten.
    Row(UNKNOWN_CHANNEL, "2025-08-05 10:00:00", "2025-08-05 10:05:00", channel="9"),
    # Deleted at the source; the day is pulled again.
    Row(TAKEN_BACK, "2025-08-05 11:00:00", "2025-08-05 11:05:00"),
]
NIGHTS = ("2025-06-01..2025-08-03", "2025-08-04", "2025-08-05", "2025-08-06", "2025-08-07")


def plant(database: Path) -> None:
    """Copies of one clean row under other codes, times, channels and units."""
    with closing(sqlite3.connect(database)) as con:
        cursor = con.execute(
            "select * from ho_so_trang_thai where TrangThaiHoSo = '2' and KenhThucHien = '2' "
            "and ThoiGianDongBo like '2025-07-1%' and length(NgayTiepNhan) = 14 order by 1 limit 1"
        )
        names = [d[0] for d in cursor.description]
        template = dict(zip(names, cursor.fetchone(), strict=True))
        for row in ROWS:
            stamp = row.recorded.replace("-", "").replace(":", "").replace(" ", "")
            row = template | {
                "MaHoSo": row.code, "ThoiDiemXuLy": row.recorded, "ThoiGianDongBo": row.synced,
                "NgayTiepNhan": stamp, "NgayNopHoSo": stamp, "NgayHenTra": None,
                "KenhThucHien": row.channel, "NoiNopHoSo": row.unit, "DonViXuLy": row.unit,
            }  # fmt: skip
            marks = ", ".join("?" for _ in row)
            con.execute(f"insert into ho_so_trang_thai values ({marks})", list(row.values()))
        con.commit()


def take_back(database: Path) -> None:
    with closing(sqlite3.connect(database)) as con:
        con.execute("delete from ho_so_trang_thai where MaHoSo = ?", [TAKEN_BACK])
        con.commit()


def contract(path: Path, *, knows_nine: bool = False) -> None:
    """sources.yaml for a province so small that four planted faults are more than its threshold."""
    text = (PROJECT / "sources.yaml").read_text(encoding="utf-8")
    text = text.replace("max_rejected_share: 0.02", "max_rejected_share: 0.9")
    if knows_nine:
        words = '"3": postal'
        assert text.count(words) == 1
        text = text.replace(words, words + ', "9": postal')
    path.write_text(text, encoding="utf-8")


def bring_up(settings: Settings) -> None:
    """The sources of the week, nothing pulled yet."""
    from pipelines.demo import generate

    settings.data.mkdir(parents=True, exist_ok=True)
    contract(settings.sources_file)
    generate(settings.data / "demo", scale=SCALE)
    plant(settings.data / "demo" / "one_stop.sqlite")


def live(settings: Settings) -> None:
    """Eight releases: five nights, a day pulled again, a word learned, and forgotten; the last one is exported.

    Without data tests; those are run in test_verify.
    """
    from tests.nights import run_night

    for word in NIGHTS:
        run_night(settings, word, build=build_models, exports=())
    take_back(settings.data / "demo" / "one_stop.sqlite")
    run_night(settings, "2025-08-05", build=build_models, exports=())
    contract(settings.sources_file, knows_nine=True)
    run_night(settings, "-", build=build_models, exports=())
    contract(settings.sources_file)
    run_night(settings, "-", build=build_models)


if __name__ == "__main__":
    os.environ["THONGSUOT_SOURCES"] = str(Path(os.environ["THONGSUOT_DATA"]) / "sources.yaml")
    installation = Settings.from_env()
    bring_up(installation)
    if "--sources" not in sys.argv:
        live(installation)
