"""The demo province: source systems of a synthetic Nghệ An, as they really look, dirt included.

Invented data, calibrated to published totals (docs/domain.md §1). The manifest states every planted fault.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.demo import calibration as k
from pipelines.demo.postgres import load_into_postgres
from pipelines.demo.ranking import ranking_server

__all__ = ["generate", "load_into_postgres", "ranking_server"]

# Raise it with every change of what is generated: a province of another version is made again.
VERSION = 5
SEED = 20_250_806
REFERENCE = Path(__file__).resolve().parents[2] / "reference"
SNAPSHOT_DAYS = (
    date(2025, 7, 22),
    date(2025, 7, 29),
    date(2025, 8, 5),
    date(2025, 8, 6),
    date(2025, 8, 7),
)


def generate(
    root: Path,
    *,
    until: date = date(2025, 8, 7),
    scale: float = 1.0,
    seed: int = SEED,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write every source system under `root`; returns the manifest. A whole one is not made again.

    `scale` multiplies the published totals (rounded); every kind of fault stays present. `until` is
    the last day of the log, not before 2025-08-06 (the calibration needs the whole period).
    """
    if until < k.CUTOFF.date():
        raise ValueError(f"until = {until}: the demo is calibrated at {k.CUTOFF}, end there or later.")
    say = progress or (lambda _: None)
    wanted = {"version": VERSION, "seed": seed, "scale": scale, "until": until.isoformat()}
    manifest = root / "manifest.json"
    if manifest.exists():
        known: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        if {key: known.get(key) for key in wanted} == wanted:
            return known
        manifest.unlink()
    for folder in ("task_tracker", "issue_register", "national_ranking"):
        shutil.rmtree(root / folder, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(REFERENCE, root / "reference", dirs_exist_ok=True)

    from pipelines.demo.one_stop import write_one_stop

    days = [day for day in SNAPSHOT_DAYS if day <= until]
    captures = [datetime.combine(day, k.CUTOFF.time()) for day in days]
    say("one-stop database")
    one_stop = write_one_stop(
        root / "one_stop.sqlite",
        np.random.default_rng(seed),
        scale,
        until,
        REFERENCE,
        root.parent / "duckdb_extensions",
        captures,
    )
    say("trackers and registers")
    made = {
        **wanted,
        "rows": {"one_stop": one_stop.pop("rows")},
        "calibrated": _calibrated(scale),
        "one_stop": one_stop,
        **_snapshots(root, captures, one_stop["true_counts"], scale, seed),
    }
    # Last and in one step: a province without its manifest is made again.
    draft = manifest.with_suffix(".partial")
    draft.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(manifest)
    return _as_read(made)


def _as_read(made: dict[str, Any]) -> dict[str, Any]:
    """The manifest as a later call reads it (JSON has lists, no tuples)."""
    again: dict[str, Any] = json.loads(json.dumps(made))
    return again


def _calibrated(scale: float) -> dict[str, Any]:
    return {
        "cutoff": str(k.CUTOFF),
        "received": k.scaled(k.RECEIVED, scale),
        "online": k.scaled(k.ONLINE, scale),
        "returned": k.scaled(k.RETURNED, scale),
        "national_rank": k.RANK,
        "earlier_rank": k.EARLIER_RANK,
        "provincial_tasks": k.PROVINCIAL_TASKS,
    }


def _snapshots(
    root: Path, captures: list[datetime], counts: dict[str, tuple[int, int]], scale: float, seed: int
) -> dict[str, Any]:
    """Tracker, register and ranking of each snapshot day; what was planted, by day."""
    from pipelines.demo import issues, ranking, tasks, tracker_sheet

    units = pd.read_csv(REFERENCE / "units.csv", dtype=str, keep_default_na=False)
    register = issues.make_issues(units, np.random.default_rng(seed + 1), k.scaled(k.ISSUES, scale, k.ISSUES))
    home_rates = tuple(counts[str(at)][1] / counts[str(at)][0] for at in (k.EARLIER_CUTOFF, k.CUTOFF))
    tracked, reported = {}, {}
    for at in captures:
        day = at.date()
        rows = tasks.tracker_rows(day, units)
        tracked[str(day)] = tasks.facts(rows)
        tracker_sheet.write_tracker(root / "task_tracker" / f"{day}.xlsx", rows)
        reported[str(day)] = issues.write_register(root / "issue_register" / f"{day}.csv", register, day)
        received, online = counts[str(at)]
        ranking.write_capture(root / "national_ranking" / str(day), at, received, online, home_rates)
    return {
        "task_tracker": {"by_day": tracked, "history": tasks.HISTORY},
        "issue_register": {"by_day": reported, "rejected": dict(issues.FAULTS)},
    }
