"""A small source of one day of changes in a database: shared by the tests of that connector."""

from __future__ import annotations

from datetime import date

import pyarrow.parquet as pq

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source

DAY = date(2025, 8, 6)


def source(url: str, **changes: object) -> Source:
    base: dict = {
        "name": "log", "title_vi": "Nhật ký", "connector": "database", "grain": "state", "key": ("code",),
        "partitioning": "change_day", "url": url, "table": "ho_so_trang_thai", "cursor": "ThoiGianDongBo",
        "cursor_format": "%Y-%m-%d %H:%M:%S",
        "datetime_formats": ("%Y-%m-%d %H:%M:%S",), "max_rejected_share": 0.1, "suite": "dossier_log.json",
        "columns": (
            {"name": "code", "raw": "MaHoSo", "required": True},
            {"name": "status", "raw": "TrangThai"},
            {"name": "synced_at", "raw": "ThoiGianDongBo", "required": True, "type": "timestamp"},
        ),
        "personal": {"ChuHoSo": "name"},
    }  # fmt: skip
    return Source.model_validate(base | changes)


def rows(settings: Settings, one: Source) -> list[dict]:
    return pq.read_table(land_partition(one, DAY, settings, run_id="t").path).to_pylist()
