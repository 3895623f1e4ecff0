"""dbt's manifest for every unit test that reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelines.settings import Settings

Node = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(compiled: Settings) -> Node:
    return json.loads((compiled.dbt_target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def models(manifest: Node) -> dict[str, Node]:
    return {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}
