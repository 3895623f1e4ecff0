"""Rows that do not say what the contract reads: too many stop the night at the thresholds and the former release
answers; the few of a sound delivery are rejected one by one; a corrected delivery heals both."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipelines.quality.reports import Report
from pipelines.releases.lake import open_lake
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contract import load_contracts
from tests import line
from tests import week as planted
from tests.spoiled_night import (
    DAY,
    SOURCES,
    Sources,
    answered,
    api,
    as_after_the_week,
    good,
    report_of,
    tonight,
)

__all__ = ["api", "tonight"]
pytestmark = pytest.mark.slow

PHONE = "0912345678"


def other_dates(path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(re.sub(r"(\d\d)/(\d\d)/(\d{4}) ", r"\3.\2.\1 ", text), encoding="utf-8")


def other_words(path: Path) -> None:
    """Every status of the tracker is called something else."""
    with zipfile.ZipFile(path) as book:
        parts = {
            name: book.read(name).decode() if name.endswith(".xml") else book.read(name)
            for name in book.namelist()
        }
    words = load_contracts(PROJECT / "sources.yaml").sources["task_tracker"].columns
    [status] = [c for c in words if c.name == "reported_status"]
    strings = parts["xl/sharedStrings.xml"]
    assert isinstance(strings, str)
    for word in status.meanings or {}:
        strings = strings.replace(f">{word}<", f">không rõ {word}<")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in (parts | {"xl/sharedStrings.xml": strings}).items():
            book.writestr(name, content)


class Mended(NamedTuple):
    """A night that the thresholds stopped, and the same night after the sources were corrected."""

    settings: Settings
    stopped: line.Told
    blocked: dict[str, Report]
    before: tuple[Any, ...]
    meanwhile: tuple[Any, ...]
    told: line.Told


@pytest.fixture(scope="module")
def mended(week: Settings, tonight: tuple[line.Line, Sources]) -> Mended:
    ready, sources = tonight
    settings = sources.settings
    as_after_the_week(week, settings)
    good(sources)
    before = answered(settings)
    sources.sql(f"update ho_so_trang_thai set KenhThucHien = '9' where ThoiGianDongBo like '{DAY}%'")
    other_dates(sources.register)
    other_words(sources.tracker)
    pages = {n: sources.api["answer"](n) for n in (1, 2, 3, 4)}
    sources.api["answer"] = lambda n: (200, pages[n][1].replace(b'"totalReceived": ', b'"totalReceived": -'))
    stopped = ready.run(DAY)
    blocked = {source: report_of(settings, source) for source in SOURCES}
    meanwhile = answered(settings)

    shutil.copytree(settings.data / "demo.good", settings.data / "demo", dirs_exist_ok=True)
    sources.api["answer"] = lambda n: pages[n]
    # Sound but for one cell each; the deliveries as a whole are good enough.
    sources.tell(3, KenhThucHien="9")
    sources.tell(4, TrangThaiHoSo="77")
    sources.tell(5, NgayTiepNhan="2025-13-45")
    sources.tell(6, ThoiDiemXuLy="sáng nay")
    sources.tell(7, ThoiDiemXuLy="2055-01-01 00:00:00")
    sources.tell(8, TrangThaiHoSo="10", NgayKetThucXuLy="20250701090000")
    sources.tell(9, SoLanBoSung="hai")
    sources.tell(10, NoiNopHoSo=None)
    sources.tell(1)
    sources.tell(2, ThoiDiemXuLy=f"{DAY} 10:00:00", TrangThaiHoSo="10", NgayKetThucXuLy="20250808100000")
    sources.tell(2, ThoiDiemXuLy=f"{DAY} 11:00:00", TrangThaiHoSo="2")
    sources.tell(11, MaHoSo=planted.MOVED, ThoiDiemXuLy="2025-07-31 08:00:00")
    sources.tell(12, NoiNopHoSo="99999")
    sources.tell(13, TenTTHC=f"Cấp bản sao, liên hệ {PHONE}")
    told = ready.run(DAY)
    return Mended(settings, stopped, blocked, before, meanwhile, told)


def test_show(mended: Mended) -> None:
    print(mended.stopped.text)
    print(mended.told)
    for s, r in mended.blocked.items():
        print(s, r.rows_read, r.rows_rejected)
    r = report_of(mended.settings, "dossier_log")
    for x in r.results:
        if x["unexpected"]:
            print(x["rule"], x["severity"], x["sample_rows"])
    print(r.rows_read, r.rows_rejected)
    with open_lake(mended.settings) as con:
        print(con.sql("describe lake.audit.rejections"))
        print(
            con.sql(
                "from lake.audit.rejections where partition_key = '2025-08-08' and source = 'dossier_log'"
            )
        )
    assert 0
