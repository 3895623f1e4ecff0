"""Assets `exports/*`: what readers outside the lake use, each rebuilt from the newest release."""

import dagster as dg

from pipelines.defs.common import OWNERS, SETTINGS, WAREHOUSE_POOL
from pipelines.lock import exclusive
from pipelines.releases.exports import report_ii06a
from pipelines.releases.exports.duckdb_file import export


@dg.asset(
    key=["exports", "marts_duckdb"],
    group_name="exports",
    deps=["release"],
    pool=WAREHOUSE_POOL,
    description="**marts.duckdb**: tệp chỉ đọc cho công cụ BI, thay bằng đổi tên nên người đọc không "
    "bao giờ gặp khóa. One read-only file of the newest release, swapped by rename.",
    owners=OWNERS,
    kinds={"duckdb"},
)
def marts_duckdb(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    with exclusive(SETTINGS):
        done = export(SETTINGS)
    return dg.MaterializeResult(
        metadata={
            "release": done.release_id,
            "rewritten": done.rewritten,
            "path": dg.MetadataValue.path(str(done.path)),
            "size (MiB)": round(done.path.stat().st_size / 2**20, 1),
        }
    )


@dg.asset(
    key=["exports", "report_ii06a"],
    group_name="exports",
    deps=["release"],
    pool=WAREHOUSE_POOL,
    description="**Biểu II.06a**: tệp .xlsx theo đúng mẫu, mỗi tháng một trang. "
    "Form II.06a in its own layout, a sheet per month.",
    owners=OWNERS,
    kinds={"excel"},
)
def form_ii06a(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    done = report_ii06a.export(SETTINGS)
    return dg.MaterializeResult(
        metadata={
            "release": done.release_id,
            "rewritten": done.rewritten,
            "path": dg.MetadataValue.path(str(done.path)),
        }
    )


assets = [marts_duckdb, form_ii06a]
