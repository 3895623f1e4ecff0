"""dbt's manifest for every unit test that reads it: parsed once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
DBT = str(Path(sys.executable).with_name("dbt"))
Node = dict[str, Any]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Parsed once; parsing needs no warehouse."""
    target = tmp_path_factory.mktemp("manifest")
    environment = {**os.environ, "THONGSUOT_WAREHOUSE": str(target / "none.duckdb"), "DO_NOT_TRACK": "1"}
    command = [DBT, "parse", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    command += ["--target-path", str(target), "--log-path", str(target)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout[-4000:]
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def models(manifest: Node) -> dict[str, Node]:
    return {k: n for k, n in manifest["nodes"].items() if n["resource_type"] == "model"}
