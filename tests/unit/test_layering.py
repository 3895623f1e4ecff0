"""The walls that carry weight: who may import whom, and what loading may not cost."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pipelines"
# Later rooms may import earlier ones, never the other way round.
ORDER = [
    "privacy", "sources", "landing", "quality", "warehouse", "lake", "explain", "releases", "exports",
]  # fmt: skip


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    return names | {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("room", ORDER)
def test_data_flow_one_way(room: str) -> None:
    later = ORDER[ORDER.index(room) + 1 :]
    for path in (PACKAGE / room).rglob("*.py"):
        for name in imported(path):
            assert not any(name.startswith(f"pipelines.{r}") for r in later), f"{path.name}: {name}"


def test_nothing_imports_defs_and_only_defs_imports_dagster() -> None:
    for path in PACKAGE.rglob("*.py"):
        inside = "defs" in path.parts or path.name == "definitions.py"
        for name in imported(path):
            assert inside or not name.startswith("pipelines.defs"), f"{path}: {name}"
            # The CLI starts the line as a Dagster run: the one door between the two.
            assert inside or "runs" in path.parts or name.split(".")[0] != "dagster", f"{path}: {name}"


def test_every_file_that_the_code_reads_is_packaged() -> None:
    """An installation from a wheel holds Python files, and besides them only what pyproject.toml names."""
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = {
        path
        for package, patterns in project["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (PACKAGE.parent / package.replace(".", "/")).glob(pattern)
    }
    # The linter's own files are read where the project is checked out.
    unread = (".py", ".pyc", ".sqlfluff")
    others = {p for p in PACKAGE.rglob("*") if p.is_file() and not p.name.endswith(unread)}
    assert others <= packaged


def test_great_expectations_is_not_imported_by_the_modules_that_definitions_load() -> None:
    code = (
        "import sys, pipelines.quality.validate, pipelines.landing.pull, pipelines.releases.publish, "
        "pipelines.warehouse.build; print('great_expectations' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"
