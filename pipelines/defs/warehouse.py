"""Assets of dbt: staging → intermediate → marts → audit, one step per run on the private file.

The results of the build become Dagster's events once it has ended.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from pipelines.defs.common import SETTINGS, night_of
from pipelines.defs.dbt_specs import asset_key, read_specs
from pipelines.defs.previews import preview_marts
from pipelines.night import BuildResult, build_warehouse
from pipelines.warehouse.dbt import ensure_manifest
from pipelines.warehouse.failures import describe_failures
from pipelines.warehouse.moment import MomentRefused, read_moment


class BuildConfig(dg.Config):
    """`as_of`: local time, e.g. `2025-08-06 16:00:00`, or a day (its end); empty = end of the newest day.

    `full`: everything is derived anew, also what did not change since the last build.
    """

    as_of: str | None = None
    full: bool = False

    def moment(self) -> datetime | None:
        try:
            return read_moment(self.as_of) if self.as_of else None
        except MomentRefused as error:
            raise dg.Failure(f"as_of: {error}", allow_retries=False) from None


MANIFEST = ensure_manifest(SETTINGS)
SPECS = read_specs(SETTINGS)


@dg.multi_asset(name="warehouse", specs=SPECS.assets, check_specs=SPECS.checks, can_subset=True)
def warehouse(context: dg.AssetExecutionContext, config: BuildConfig) -> Iterator[Any]:
    result = build_warehouse(night_of(context, as_of=config.moment(), from_nothing=config.full))
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    yield from _events(context, manifest, result)
    if result.failed:
        raise dg.Failure(describe_failures(SETTINGS, result.nodes), allow_retries=False)


def _events(
    context: dg.AssetExecutionContext,
    manifest: Mapping[str, Any],
    build: BuildResult,
) -> Iterator[Any]:
    """dbt's results as Dagster's: a materialization per model and seed, a check result per data test."""
    previews = preview_marts(SETTINGS, manifest)
    for result in build.nodes:
        node = manifest["nodes"][result.unique_id]
        if node["resource_type"] in ("model", "seed") and result.status == "success":
            relation = f"{node['schema']}.{node['alias']}"
            yield dg.MaterializeResult(
                asset_key=asset_key(node),
                metadata={
                    **({"dagster/row_count": build.rows[relation]} if relation in build.rows else {}),
                    "relation": relation,
                    "built now": build.is_new,
                    **({"extent": build.extent} if build.extent else {}),
                    "seconds": round(result.seconds, 2),
                    **({"head": dg.MetadataValue.md(previews[relation])} if relation in previews else {}),
                },
            )
    selected = {key.name: key for key in context.selected_asset_check_keys}
    for result in build.nodes:
        key = selected.get(manifest["nodes"][result.unique_id]["name"])
        if key is not None and result.status != "skipped":
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=result.status == "pass",
                severity=dg.AssetCheckSeverity.ERROR if result.failed else dg.AssetCheckSeverity.WARN,
                metadata={"failing rows": result.failures, "seconds": round(result.seconds, 2)},
            )


assets = [warehouse]
