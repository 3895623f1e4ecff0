"""The walls that carry weight: who may import whom, and what loading may not cost."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "pipelines"
PAGE = PACKAGE.parent / "docs" / "architecture.md"
# Dagster loads its definitions by name; the one door from a run back to them.
EXCEPTIONS = {("runs/execute.py", "definitions")}


def list_rooms() -> list[str]:
    """Rooms in the order of the table of docs/architecture.md: `pipelines/x/`, or modules of the package."""
    cells = re.findall(r"^\| (`pipelines/[^|]*)\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    names = re.findall(r"pipelines/(\w+)/|(\w+)\.py", "\n".join(cells))
    return list(dict.fromkeys(folder or module for folder, module in names))


ORDER = list_rooms()


def imported(path: Path) -> set[str]:
    """Names of modules; `from pipelines import duck` is pipelines.duck."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {f"{node.module}.{a.name}" for node in froms if node.module == "pipelines" for a in node.names}
    return names | {str(node.module) for node in froms}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_the_page_has_every_room_and_no_other() -> None:
    rooms = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert rooms - {"__init__"} == set(ORDER), "the table of docs/architecture.md"


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_rooms_above_it(room: str) -> None:
    later = ORDER[ORDER.index(room) + 1 :]
    for path in (p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py" and room_of(p) == room):
        rooms = {name.split(".")[1] for name in imported(path) if name.startswith("pipelines.")}
        backwards = [r for r in later if r in rooms]
        allowed = {r for file, r in EXCEPTIONS if path == PACKAGE / file}
        assert set(backwards) <= allowed, f"{path.relative_to(PACKAGE)} imports {backwards}"


def test_every_exception_is_still_needed() -> None:
    for file, room in EXCEPTIONS:
        assert any(name.startswith(f"pipelines.{room}") for name in imported(PACKAGE / file)), file


def test_nothing_imports_defs_and_only_defs_imports_dagster() -> None:
    for path in PACKAGE.rglob("*.py"):
        inside = "defs" in path.parts or path.name == "definitions.py"
        for name in imported(path):
            assert inside or not name.startswith("pipelines.defs"), f"{path}: {name}"
            # Two doors: the CLI starts the line as a Dagster run, and Dagster's own web server.
            assert inside or {"runs", "web"} & set(path.parts) or name.split(".")[0] != "dagster", (
                f"{path}: {name}"
            )


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
