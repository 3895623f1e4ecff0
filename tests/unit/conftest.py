"""dbt's manifest, and the province that is counted by hand, for every unit test that reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.settings import Settings
from tests.conftest import build_once
from tests.unit.small_warehouse import Built, build_province, read_built

Node = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(compiled: Settings) -> Node:
    return json.loads((compiled.dbt_target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def models(manifest: Node) -> dict[str, Node]:
    return {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The province of small_warehouse.py as dbt built and tested it; tests must not change it."""
    return read_built(build_once(tmp_path_factory, "built", build_province))
