"""What a benchmark measured, kept in `results.json` with machine and commit, and the page that is written from it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from pipelines.landing.batches import write_json
from pipelines.settings import PROJECT

RESULTS, PAGE = PROJECT / "benchmarks" / "results.json", PROJECT / "docs" / "speed.md"
INTRODUCTION = """# Speed

Written by `python -m benchmarks.history`; not by hand. CPU seconds of whole processes, of the stage `build` with its data
tests: the first build of a province, the night after it with one more day, and the same night from nothing (`--full`),
whose tables must be the same. What history does to a night is the ratio to read; seconds are those of one machine.
"""


def write_results(path: Path, page: Path, topic: str, rows: list[dict[str, Any]]) -> None:
    """Other topics stay as they were measured."""
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.strip()
    results[topic] = {"cores": os.cpu_count(), "commit": commit, "rows": rows}
    write_json(path, results)
    page.write_text(render_page(results), encoding="utf-8")


def render_page(results: dict[str, Any]) -> str:
    history = results["history"]
    lines = [
        INTRODUCTION,
        "## A night over history\n",
        f"{history['cores']} cores, commit `{history['commit']}`.\n",
        "| log rows | days | first build | a night | the night from nothing | ratio | peak MiB of the night |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['log_rows']:,} | {row['days']} | {row['first']['cpu']:.1f} | {row['night']['cpu']:.1f} | "
        f"{row['anew']['cpu']:.1f} | {row['night']['cpu'] / row['anew']['cpu']:.2f} | {row['night']['mib']:.0f} |"
        for row in history["rows"]
    ]
    dear = ["", "What each step of the longest night costs, in seconds of its own (from nothing):", ""]
    dear += [f"- `{name}`: {night} ({anew})" for name, night, anew in history["rows"][-1]["dearest"]]
    return "\n".join([*lines, *dear, ""])
