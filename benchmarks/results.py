"""What the benchmarks measured: figures by topic with machine and commit in `results.json`, other topics left as they were."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from pipelines.landing.batches import write_json
from pipelines.settings import PROJECT

RESULTS = PROJECT / "benchmarks" / "results.json"


class Figure(NamedTuple):
    """One thing that was measured. `goal`: at most so much, in the same unit (`s`, `CPU s`, `MiB`, `×`, `ms`, …)."""

    what: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None else self.value <= self.goal


class Topic(NamedTuple):
    """What one benchmark left. `machine`: cores, memory, system, Python; `points`: rows of its own for the plot."""

    machine: str
    commit: str
    day: str
    figures: list[Figure]
    points: list[dict[str, Any]]


def write_results(
    topic: str, figures: Sequence[Figure], points: Sequence[dict[str, Any]] = (), path: Path = RESULTS
) -> None:
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results[topic] = {
        "machine": describe_machine(),
        "commit": read_commit(),
        "day": str(date.today()),
        "figures": [figure._asdict() | {"value": round(figure.value, 3)} for figure in figures],
        "points": list(points),
    }
    write_json(path, dict(sorted(results.items())))


def read_results(path: Path = RESULTS) -> dict[str, Topic]:
    results = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Topic(**topic | {"figures": [Figure(**figure) for figure in topic["figures"]]})
        for name, topic in results.items()
    }


def describe_machine() -> str:
    """Cores, memory, system and Python: what seconds depend on, and nothing that names the machine."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return f"{os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def read_commit() -> str:
    """Short; with `+` where files differ from it."""
    words = ["git", "describe", "--always", "--exclude", "*", "--dirty=+"]
    return subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()
