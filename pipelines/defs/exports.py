"""Assets `exports/*`: what readers outside the lake use, each brought to the newest release.

One factory over the registry; `THONGSUOT_EXPORTS` and `THONGSUOT_POSTGRES_URL` decide which exist. One that
fails leaves the others and the release alone: what it wrote before is still served.
"""

from pathlib import Path

import dagster as dg

from pipelines.defs.common import OWNERS, SETTINGS
from pipelines.exports.export import Export, ExportResult
from pipelines.exports.registry import enabled_exports
from pipelines.night import write_export
from pipelines.settings import Settings
from pipelines.web.paths import EXPORTS


def _asset(export: Export) -> dg.AssetsDefinition:
    @dg.asset(
        key=["exports", export.name],
        group_name="exports",
        deps=["release"],
        description=export.description,
        owners=OWNERS,
        kinds=set(export.kinds),
    )
    def exported(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        result = write_export(SETTINGS, export)
        preview = export.preview and export.preview(SETTINGS)
        return dg.MaterializeResult(
            metadata={
                **show_result(result, SETTINGS),
                **({"preview": dg.MetadataValue.md(preview)} if preview else {}),
            }
        )

    return exported


def show_result(result: ExportResult, settings: Settings) -> dict[str, object]:
    """What the UI shows: where it lies, its size, and a link (by this very web server where nobody publishes it)."""
    values: dict[str, object] = {
        "release": result.release.release_id,
        "rewritten": result.rewritten,
        **result.details,
    }
    if not isinstance(result.path, Path):
        return {**values, "address": result.path}
    values["path"] = dg.MetadataValue.path(str(result.path))
    relative = result.path.relative_to(settings.exports).as_posix()
    if settings.exports_url:
        values["open"] = dg.MetadataValue.url(f"{settings.exports_url.rstrip('/')}/{relative}")
    elif result.path.is_file():
        values["open"] = dg.MetadataValue.url(f"{EXPORTS}/{relative}")
    if result.path.is_file():
        values["size (MiB)"] = round(result.path.stat().st_size / 2**20, 1)
    return values


assets = [_asset(export) for export in enabled_exports(SETTINGS)]
