"""Assets of dbt: staging → intermediate → marts → audit, one dbt step per run on the private file.

`prepare` lays out what dbt reads, `finish` marks the build as whole; the publisher refuses others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from pipelines.defs.common import CONTRACTS, OWNERS, SETTINGS, WAREHOUSE_POOL
from pipelines.lock import exclusive
from pipelines.warehouse.build import finish, prepare
from pipelines.warehouse.dbt import DBT_EXECUTABLE, ensure_manifest

GROUPS = ("staging", "intermediate", "marts", "audit")


class BuildConfig(dg.Config):
    """`as_of`: local time to the second, e.g. `2025-08-06 16:00:00`; empty = end of the newest day."""

    as_of: str | None = None

    def moment(self) -> datetime | None:
        return datetime.fromisoformat(self.as_of) if self.as_of else None


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
            key=dg.AssetKey([schema, node.get("alias") or node["name"]]),
            group_name=schema if schema in GROUPS else "staging",
            owners=OWNERS,
            kinds={"dbt", "duckdb"},
        )


PROJECT = DbtProject(
    project_dir=SETTINGS.dbt_project,
    profiles_dir=SETTINGS.dbt_project,
    target_path=SETTINGS.dbt_target,
)
MANIFEST = ensure_manifest(SETTINGS)


@dbt_assets(
    manifest=MANIFEST,
    project=PROJECT,
    name="warehouse",
    # Unit tests prove the code, not the night's data: they run in `make test`.
    exclude="resource_type:unit_test",
    dagster_dbt_translator=Translator(),
    pool=WAREHOUSE_POOL,
)
def warehouse(context: dg.AssetExecutionContext, config: BuildConfig, dbt: DbtCliResource) -> Iterator[Any]:
    with exclusive(SETTINGS):
        as_of = prepare(SETTINGS, CONTRACTS, config.moment())
        context.log.info("building as of %s", as_of)
        run = dbt.cli(["build", "--quiet"], context=context, target_path=SETTINGS.dbt_target / "run")
        yield from run.stream().fetch_row_counts()
        finish(SETTINGS, as_of)


dbt_resource = DbtCliResource(project_dir=PROJECT, dbt_executable=DBT_EXECUTABLE)
assets = [warehouse]
