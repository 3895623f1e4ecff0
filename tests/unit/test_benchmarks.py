"""Every name that a benchmark or script imports exists, and what benchmarks measured is what the page of speed says."""

from __future__ import annotations

import ast
import importlib
import os
import sys
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from benchmarks import backfill
from benchmarks.processes import TreeCost, measure_tree
from benchmarks.report import HEADINGS, PAGE, gather_points, render_page, render_table
from benchmarks.results import Figure, Topic, read_results, write_results
from benchmarks.spark import list_figures, make_point, merge_points
from pipelines.settings import PROJECT, Settings

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


def test_a_benchmark_that_is_stopped_leaves_no_run_alive(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = settings.data / "pid"
    program = (
        f"import os, pathlib, signal; pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); signal.pause()"
    )
    monkeypatch.setattr(backfill, "THONGSUOT", [sys.executable, "-c", program])

    def stop(seconds: float) -> None:
        """Ctrl-C, once the program runs."""
        if pid.exists() and pid.read_text():
            raise KeyboardInterrupt

    monkeypatch.setattr(backfill.time, "sleep", stop)
    with pytest.raises(KeyboardInterrupt):
        backfill.run_until_half(settings, dict(os.environ), 10)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


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


@pytest.mark.parametrize(
    ("code", "limit", "fault"),
    [
        ("print('{\"a\": 1.5}')", 30, ""),
        ("raise SystemExit('no room on the disk')", 30, "failed: no room on the disk"),
        ("import time; time.sleep(60)", 0, "not finished in 0 s"),
    ],
)
def test_a_command_that_fails_or_takes_too_long_is_recorded_as_such(
    code: str, limit: float, fault: str
) -> None:
    cost = measure_tree([sys.executable, "-S", "-c", code], os.environ, limit=limit)
    assert cost.fault == fault and cost.wall < 30


@pytest.mark.parametrize(
    ("fault", "output", "text"),
    [
        ("", '{"a": 1.5}\n', ""),
        ("failed: no room on the disk", "no room on the disk\n", "failed: no room on the disk"),
        ("not finished in 2 s", "nodes=50 of=391\n", "not finished in 2 s, 50 of 391 nodes done"),
    ],
)
def test_a_build_that_failed_or_took_too_long_has_a_figure_all_the_same(
    fault: str, output: str, text: str
) -> None:
    point = make_point("local", 1_000_000, "1g", TreeCost(2.5, {}, {}, fault, output))
    assert point["fault"] == text and point["dearest"] == ({} if fault else {"a": 1.5})
    figures = list_figures([point])
    assert text in figures[0].what and figures[0].value == point["wall"] == 2.5


def test_sizes_measured_at_other_times_give_the_price_of_a_million_rows() -> None:
    def measure(rows: int, wall: float, fault: str = "") -> dict[str, object]:
        cpu, mib = {"driver": wall, "executor": wall}, {"driver": 900.0}
        return {"engine": "cluster", "rows": rows, "wall": wall, "cpu": cpu, "mib": mib, "fault": fault}

    earlier = [measure(1_000_000, 99.0), measure(3_000_000, 50.0)]
    points = merge_points(earlier, [measure(1_000_000, 30.0)])
    assert [(point["rows"], point["wall"]) for point in points] == [(1_000_000, 30.0), (3_000_000, 50.0)]
    assert [(figure.what, figure.value, figure.unit) for figure in list_figures(points)[-2:]] == [
        ("a million rows more, Spark, a master and two workers: wall", 10.0, "s"), ("the same: CPU", 20.0, "CPU s"),
    ]  # fmt: skip
    cut_off = merge_points(earlier, [measure(3_000_000, 60.0, "not finished in 60 s")])
    assert not any("a million rows more" in figure.what for figure in list_figures(cut_off))


@pytest.mark.parametrize("topic", HEADINGS)
def test_every_topic_has_a_benchmark(topic: str) -> None:
    written = "".join(
        path.read_text(encoding="utf-8") for path in MODULES if path.parent.name == "benchmarks"
    )
    assert f'write_results("{topic}"' in written


def test_the_page_is_written_from_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(read_results())
