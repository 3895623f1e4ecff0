"""What Dagster shows of dbt is what `dagster-dbt` reads from the manifest, also where it was kept."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.metadata import normalize_metadata

from pipelines.defs import dbt_specs
from pipelines.defs.dbt_specs import OBJECTS, DbtSpecs, read_specs
from pipelines.settings import Settings
from pipelines.warehouse import parsed

FIELDS = ("key", "description", "group_name", "code_version", "owners", "tags", "kinds", "skippable")


def describe(spec: dg.AssetSpec) -> tuple[object, ...]:
    metadata = {name: value for name, value in spec.metadata.items() if name not in OBJECTS}
    deps = sorted(dep.asset_key for dep in spec.deps)
    return *(getattr(spec, field) for field in FIELDS), deps, normalize_metadata(metadata)


def describe_check(spec: dg.AssetCheckSpec) -> tuple[object, ...]:
    deps = sorted(dep.asset_key for dep in spec.additional_deps)
    return spec.key, spec.description, spec.blocking, deps, normalize_metadata(spec.metadata)


def test_kept_specs_are_those_of_dagster_dbt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # An environment that keeps no specs, so that this project's are made, and read again where they lie.
    monkeypatch.setattr(dbt_specs, "FILE", "specs_of_a_test.json")
    own, calls = dbt_specs._make_specs(settings), list[int]()
    monkeypatch.setattr(dbt_specs, "_make_specs", lambda _: calls.append(1) or own)
    try:
        for specs in (read_specs(settings), read_specs(settings)):
            assert list(map(describe, specs.assets)) == list(map(describe, own.assets))
            assert list(map(describe_check, specs.checks)) == list(map(describe_check, own.checks))
    finally:
        (parsed.find_shared(settings.dbt_project) / dbt_specs.FILE).unlink(missing_ok=True)
    assert calls == [1]
    assert len(own.assets) > 90 and len(own.checks) > 200


def test_another_project_has_other_specs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parsed, "SHARED", tmp_path / "environment")
    monkeypatch.setattr(dbt_specs, "_make_specs", lambda _: DbtSpecs([dg.AssetSpec(["marts", "a"])], []))
    settings.dbt_target.mkdir(parents=True)
    assert [spec.key.path for spec in read_specs(settings).assets] == [["marts", "a"]]
    monkeypatch.setattr(dbt_specs, "_make_specs", lambda _: DbtSpecs([], []))
    assert len(read_specs(settings).assets) == 1
    monkeypatch.setattr(parsed, "hash_project", lambda _: "another project")
    assert read_specs(settings).assets == []
