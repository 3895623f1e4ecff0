"""Every name that a benchmark or script imports exists, and what benchmarks measured is what the page of speed says."""

from __future__ import annotations

import ast
import importlib
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from benchmarks.report import HEADINGS, PAGE, gather_points, render_page, render_table
from benchmarks.results import Figure, Topic, read_results, write_results
from pipelines.settings import PROJECT

MODULES = sorted([*(PROJECT / "benchmarks").glob("*.py"), *(PROJECT / "scripts").glob("*.py")])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_imported_name_exists(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules: dict[str, ModuleType] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in ("pipelines", "benchmarks"):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                if isinstance(value := getattr(module, alias.name), ModuleType):
                    modules[alias.asname or alias.name] = value
    missing = [
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
        if not hasattr(modules[node.value.id], node.attr)
    ]
    assert not missing


def test_the_page_and_the_table_say_what_was_measured() -> None:
    figures = [
        Figure("the line: wall", 72.35, "s", 60),
        Figure("what a dashboard asks, p95", 38.7, "ms", 100),
    ]
    points = [{"log_rows": 3_000_000, "night": 40.0}, {"log_rows": 1_000_000, "night": 20.0, "anew": 30.0}]
    results = {"history": Topic("2 cores, 24 GiB", "abc1234", "2026-11-30", figures, points)}
    page = render_page(results)
    assert "| the line: wall | 72.3 s | ≤ 60 s, missed |" in page
    assert "| what a dashboard asks, p95 | 38.7 ms | ≤ 100 ms, met |" in page
    assert gather_points(results) == {
        "night": [(1.0, 20.0), (3.0, 40.0)],
        "anew": [(1.0, 30.0)],
        "pandas": [],
    }
    console = Console(width=300, file=StringIO())
    console.print(render_table(results))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 100
    assert any("72.3 s" in line and "missed" in line for line in lines)


def test_a_topic_that_is_not_measured_again_stays(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results("line", [Figure("wall", 1.0, "s")], path=path)
    write_results("gate", [Figure("share", 9.5, "%", 10)], path=path)
    write_results("line", [Figure("wall", 2.0, "s")], path=path)
    results = read_results(path)
    assert [results[topic].figures[0].value for topic in ("line", "gate")] == [2.0, 9.5]


@pytest.mark.parametrize("topic", HEADINGS)
def test_every_topic_has_a_benchmark(topic: str) -> None:
    written = "".join(
        path.read_text(encoding="utf-8") for path in MODULES if path.parent.name == "benchmarks"
    )
    assert f'write_results("{topic}"' in written


def test_the_page_is_written_from_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(read_results())
