"""Assets `exports/*`: what readers outside the lake use, each rebuilt from the newest release."""

import dagster as dg

from pipelines.defs.common import OWNERS, SETTINGS, WAREHOUSE_POOL
from pipelines.lock import exclusive
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


assets = [marts_duckdb]
