"""What Dagster shows of dbt's seeds, models and data tests, as `dagster-dbt` reads it from the manifest.

Kept beside dbt's parse: importing `dagster-dbt`, and with it dbt, costs each start of a run or of the UI three seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import dagster as dg
from dagster._core.definitions.metadata import normalize_metadata
from dagster._serdes import deserialize_value, serialize_value

from pipelines.defs.common import OWNERS
from pipelines.exports.common import Words
from pipelines.settings import Settings
from pipelines.warehouse import parsed
from pipelines.warehouse.dbt import ensure_manifest

FILE = "asset_specs.json"
GROUPS = ("staging", "intermediate", "marts", "audit")
KIND = "dagster/kind/"
# dagster-dbt's own objects, which only its way of calling dbt needs.
OBJECTS = ("dagster_dbt/manifest", "dagster_dbt/dagster_dbt_translator", "dagster_dbt/project")


class DbtSpecs(NamedTuple):
    """An asset per seed and model, and a check per data test."""

    assets: Sequence[dg.AssetSpec]
    checks: Sequence[dg.AssetCheckSpec]


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """dbt's schema is the first part of the key; a version is not part of it."""
    return dg.AssetKey([node["schema"], node["alias"]])


def describe_model(node: Mapping[str, Any]) -> str:
    """For the catalogue: the question it answers and the description, in Vietnamese first, then in English.

    Without marks: the list of assets shows the first line as it is written.
    """
    meta, words = node.get("config", {}).get("meta", {}), Words.of(node.get("description", ""))
    parts = (meta.get("question_vi"), words.vi, meta.get("question_en"), words.en)
    return "\n\n".join(part for part in parts if part)


def read_specs(settings: Settings) -> DbtSpecs:
    """As they were kept for this project; made where they were not."""
    project, target = settings.dbt_project, settings.dbt_target
    digest = hashlib.sha256(Path(__file__).read_bytes() + version("dagster-dbt").encode())
    content = parsed.read_derived(project, target, FILE, digest.hexdigest())
    if content is None:
        specs = _make_specs(settings)
        content = {
            "assets": [_pack_asset(spec) for spec in specs.assets],
            "checks": [_pack_check(spec) for spec in specs.checks],
        }
        parsed.write_derived(project, target, FILE, digest.hexdigest(), content)
    return DbtSpecs(
        [_unpack_asset(fields) for fields in content["assets"]],
        [_unpack_check(fields) for fields in content["checks"]],
    )


def _make_specs(settings: Settings) -> DbtSpecs:
    from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
    from dagster_dbt.asset_utils import build_dbt_specs

    class Translator(DagsterDbtTranslator):
        """dbt's schema is the asset group and the first part of the key."""

        def get_asset_spec(
            self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
        ) -> dg.AssetSpec:
            spec = super().get_asset_spec(manifest, unique_id, project)
            node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
            if node["resource_type"] not in ("model", "seed"):
                return spec
            schema, subject = node["schema"], node.get("group")
            return spec.replace_attributes(
                key=asset_key(node),
                group_name=schema if schema in GROUPS else "staging",
                owners=[f"team:{subject}"] if subject else OWNERS,
                kinds={"dbt", "duckdb"},
                description=describe_model(node),
                tags={**spec.tags, **({"subject": subject} if subject else {})},
            )

    # Reference tables are several dbt sources, but one landing asset.
    translator = Translator(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
    manifest = json.loads(ensure_manifest(settings).read_text(encoding="utf-8"))
    assets, checks = build_dbt_specs(
        translator=translator, manifest=manifest, select="fqn:*", exclude="resource_type:unit_test",
        selector="", io_manager_key=None,
        project=DbtProject(
            settings.dbt_project, target_path=settings.dbt_target, profiles_dir=settings.dbt_project
        ),
    )  # fmt: skip
    return DbtSpecs(assets, checks)


def _pack_asset(spec: dg.AssetSpec) -> dict[str, Any]:
    return {
        "key": spec.key.path,
        "deps": [dep.asset_key.path for dep in spec.deps],
        "description": spec.description,
        "metadata": _pack_metadata(spec.metadata),
        "skippable": spec.skippable,
        "group_name": spec.group_name,
        "code_version": spec.code_version,
        "owners": list(spec.owners),
        "tags": {name: text for name, text in spec.tags.items() if not name.startswith(KIND)},
        "kinds": sorted(spec.kinds),
    }


def _unpack_asset(fields: Mapping[str, Any]) -> dg.AssetSpec:
    return dg.AssetSpec(
        **{
            **fields,
            "key": dg.AssetKey(fields["key"]),
            "deps": [dg.AssetKey(path) for path in fields["deps"]],
            "metadata": deserialize_value(fields["metadata"]),
            "kinds": set(fields["kinds"]),
        }
    )


def _pack_check(spec: dg.AssetCheckSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "asset": spec.asset_key.path,
        "description": spec.description,
        "additional_deps": sorted(dep.asset_key.path for dep in spec.additional_deps),
        "metadata": _pack_metadata(spec.metadata),
        "blocking": spec.blocking,
    }


def _unpack_check(fields: Mapping[str, Any]) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        **{
            **fields,
            "asset": dg.AssetKey(fields["asset"]),
            "additional_deps": [dg.AssetKey(path) for path in fields["additional_deps"]],
            "metadata": deserialize_value(fields["metadata"]),
        }
    )


def _pack_metadata(metadata: Mapping[str, Any]) -> str:
    return serialize_value(
        dict(normalize_metadata({name: value for name, value in metadata.items() if name not in OBJECTS}))
    )


def make_ahead() -> None:
    """For every data directory to come, as a part of installing."""
    with TemporaryDirectory() as folder:
        read_specs(replace(Settings.from_env(), data=Path(folder)))


if __name__ == "__main__":
    make_ahead()
