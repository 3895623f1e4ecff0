"""Assets of dbt: staging → intermediate → marts → audit, one dbt step per run on the private file.

dbt reports nothing while it builds: its results become Dagster's events once it has ended.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
    dbt_assets,
)

from pipelines.defs.common import OWNERS, SETTINGS, night_of
from pipelines.night import BuildResult, build_warehouse
from pipelines.warehouse.dbt import ensure_manifest
from pipelines.warehouse.failures import describe_failures
from pipelines.warehouse.moment import MomentRefused, read_moment

GROUPS = ("staging", "intermediate", "marts", "audit")


class BuildConfig(dg.Config):
    """`as_of`: local time, e.g. `2025-08-06 16:00:00`, or a day (its end); empty = end of the newest day."""

    as_of: str | None = None

    def moment(self) -> datetime | None:
        try:
            return read_moment(self.as_of) if self.as_of else None
        except MomentRefused as error:
            raise dg.Failure(f"as_of: {error}", allow_retries=False) from None


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    return dg.AssetKey([node["schema"], node["alias"]])


class Translator(DagsterDbtTranslator):
    """dbt's schema is the asset group and the first part of the key; a version is not part of it."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
        if node["resource_type"] not in ("model", "seed"):
            return spec
        schema = node["schema"]
        return spec.replace_attributes(
            key=asset_key(node),
            group_name=schema if schema in GROUPS else "staging",
            owners=OWNERS,
            kinds={"dbt", "duckdb"},
        )


# Reference tables are several dbt sources, but one landing asset.
TRANSLATOR = Translator(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
MANIFEST = ensure_manifest(SETTINGS)


@dbt_assets(
    manifest=MANIFEST,
    project=DbtProject(
        SETTINGS.dbt_project, target_path=SETTINGS.dbt_target, profiles_dir=SETTINGS.dbt_project
    ),
    name="warehouse",
    exclude="resource_type:unit_test",
    dagster_dbt_translator=TRANSLATOR,
)
def warehouse(context: dg.AssetExecutionContext, config: BuildConfig) -> Iterator[Any]:
    result = build_warehouse(night_of(context, as_of=config.moment()))
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
                    "seconds": round(result.seconds, 2),
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
