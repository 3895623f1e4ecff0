"""Assets `exports/*`: what readers outside the lake use, each brought to the newest release.

One factory; `THONGSUOT_EXPORTS` and `THONGSUOT_POSTGRES_URL` decide which exist. One that fails leaves the
others and the release alone: what it wrote before is still served.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from pipelines.defs.common import OWNERS, SETTINGS, WAREHOUSE_POOL
from pipelines.exports import marts_duckdb as duckdb_file
from pipelines.exports import report_ii06a
from pipelines.exports.brief import export as brief
from pipelines.exports.common import Exported
from pipelines.exports.open_data import export as open_data
from pipelines.exports.postgres import export as postgres
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings


class Export(NamedTuple):
    name: str
    run: Callable[[Settings], Exported]
    kinds: set[str]
    description: str


EXPORTS = [
    Export(
        "marts_duckdb", duckdb_file.export, {"duckdb"},
        "**marts.duckdb**: tệp chỉ đọc cho công cụ BI, thay bằng đổi tên nên người đọc không bao giờ gặp "
        "khóa. One read-only file of the newest release, swapped by rename.",
    ),
    Export(
        "postgres", postgres.export, {"postgres"},
        "**PostgreSQL**: lược đồ `marts` và `audit` cho công cụ BI; chỉ ghi phần khác biệt của bản phát "
        "hành, trong một giao dịch. The release's difference, applied in one transaction; role `bi_reader`.",
    ),
    Export(
        "open_data", open_data.export, {"parquet", "csv", "excel"},
        "**Dữ liệu mở**: gói số liệu công khai của bản phát hành, số đếm nhỏ được che. The public package: "
        "CSV, Parquet, .xlsx, datapackage.json, DCAT; small counts withheld.",
    ),
    Export(
        "brief", brief.export, {"html"},
        "**Bản tin điều hành**: hai trang A4, mỗi con số mang theo nguồn của nó. The two-page brief; every "
        "figure carries the query it comes from.",
    ),
    Export(
        "report_ii06a", report_ii06a.export, {"excel"},
        "**Biểu II.06a**: tệp .xlsx theo đúng mẫu, mỗi tháng một trang. Form II.06a in its own layout, "
        "a sheet per month.",
    ),
]  # fmt: skip


def _asset(export: Export) -> dg.AssetsDefinition:
    @dg.asset(
        key=["exports", export.name],
        group_name="exports",
        deps=["release"],
        pool=WAREHOUSE_POOL,
        description=export.description,
        owners=OWNERS,
        kinds=export.kinds,
    )
    def exported(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with exclusive(SETTINGS):
            done = export.run(SETTINGS)
        return dg.MaterializeResult(metadata=metadata(done, SETTINGS))

    return exported


def metadata(done: Exported, settings: Settings) -> dict[str, object]:
    """What the UI shows: where it lies, its size, and a link (to the file itself where nobody publishes it)."""
    told: dict[str, object] = {"release": done.release_id, "rewritten": done.rewritten, **done.said}
    if not isinstance(done.path, Path):
        return {**told, "address": done.path}
    told["path"] = dg.MetadataValue.path(str(done.path))
    if settings.exports_url:
        place = done.path.relative_to(settings.exports).as_posix()
        told["open"] = dg.MetadataValue.url(f"{settings.exports_url.rstrip('/')}/{place}")
    elif done.path.suffix == ".html":
        told["open"] = dg.MetadataValue.url(done.path.as_uri())
    if done.path.is_file():
        told["size (MiB)"] = round(done.path.stat().st_size / 2**20, 1)
    return told


def wanted(settings: Settings) -> list[Export]:
    """Those that are on; PostgreSQL only where it has an address."""
    chosen = [export for export in EXPORTS if export.name in settings.exports_on]
    return [export for export in chosen if export.name != "postgres" or settings.postgres_url]


assets = [_asset(export) for export in wanted(SETTINGS)]
