"""An inbox of one small source, and what lies in it: shared by the tests of inboxes."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import pyarrow.parquet as pq

from pipelines.landing.pull import land_partition
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Source
from tests.unit.files_support import DAY, source

NEXT = date(2025, 8, 7)
NOON = datetime(2025, 8, 6, 12, tzinfo=LOCAL_ZONE).timestamp()


def inbox_source(**changes: object) -> Source:
    return source(**{"path": None, "inbox": "{data}/inbox"} | changes)  # type: ignore[arg-type]


def drop(settings: Settings, name: str, *codes: str, at: float = NOON) -> Path:
    path = settings.data / "inbox" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("Mã;Nội dung\n" + "".join(f"{code};x\n" for code in codes), encoding="utf-8")
    os.utime(path, (at, at))
    return path


def land(settings: Settings, one: Source, day: date = DAY) -> list[str]:
    batch = land_partition(one, day, settings, run_id="t")
    return pq.read_table(batch.path)["code"].to_pylist()


def lying(settings: Settings, folder: str) -> list[str]:
    paths = (settings.data / folder).rglob("*")
    return sorted(str(path.relative_to(settings.data)) for path in paths if path.is_file())
