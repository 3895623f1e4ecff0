"""The demo province: source systems of a synthetic Nghệ An, as they really look, dirt included.

Invented data, calibrated to published totals (docs/domain.md §1). The manifest states every planted fault.
A source system is a module of `systems/`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.demo import calibration
from pipelines.demo.postgres import load_into_postgres
from pipelines.demo.province import REFERENCE, SNAPSHOT_DAYS, Province
from pipelines.demo.ranking import serve_ranking
from pipelines.demo.systems import load_systems

__all__ = ["REFERENCE", "SEED", "SNAPSHOT_DAYS", "generate", "load_into_postgres", "serve_ranking"]

# Raise it with every change of what is generated: a province of another version is generated anew.
VERSION = 5
SEED = 20_250_806


def generate(
    root: Path,
    *,
    until: date = date(2025, 8, 7),
    scale: float = 1.0,
    seed: int = SEED,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Write every source system under `root`; returns the manifest. A whole one is not generated again.

    `scale` multiplies the published totals (rounded); every kind of fault stays present. `until` is
    the last day of the log, not before 2025-08-06 (the calibration needs the whole period).
    """
    if until < calibration.CUTOFF.date():
        raise ValueError(
            f"until = {until}: the demo is calibrated at {calibration.CUTOFF}, end there or later."
        )
    report = progress or (lambda _: None)
    # A province without one of today's systems is generated anew, whatever its version.
    parameters = {
        "version": VERSION,
        "systems": sorted(load_systems()),
        "seed": seed,
        "scale": scale,
        "until": until.isoformat(),
    }
    manifest_file = root / "manifest.json"
    if manifest_file.exists():
        existing: dict[str, Any] = json.loads(manifest_file.read_text(encoding="utf-8"))
        if {key: existing.get(key) for key in parameters} == parameters:
            return existing
        manifest_file.unlink()
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(REFERENCE, root / "reference", dirs_exist_ok=True)
    manifest: dict[str, Any] = {**parameters, "calibrated": _calibrated(scale)}
    _write_systems(Province(root, until, scale, seed), manifest, report)
    # Last and in one step: a province without its manifest is generated again.
    draft = manifest_file.with_suffix(".partial")
    draft.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(manifest_file)
    # As a later call reads it: JSON has lists, no tuples.
    written: dict[str, Any] = json.loads(json.dumps(manifest))
    return written


def list_crowded_days(manifest: dict[str, Any]) -> list[str]:
    """Days of so small a province that one planted fault is more than its share: a run is blocked there."""
    log = manifest["one_stop"]
    rows: dict[str, int] = log["rows_by_day"]
    return [
        day for day, count in log["rejected_by_day"].items() if count > calibration.REJECTED_SHARE * rows[day]
    ]


def _write_systems(province: Province, manifest: dict[str, Any], report: Callable[[str], None]) -> None:
    for name, system in load_systems().items():
        report(name.replace("_", " "))
        shutil.rmtree(province.root / name, ignore_errors=True)
        manifest |= system.write_system(province, manifest)


def _calibrated(scale: float) -> dict[str, Any]:
    scale_count = calibration.scale_count
    return {
        "cutoff": str(calibration.CUTOFF),
        "received": scale_count(calibration.RECEIVED, scale),
        "online": scale_count(calibration.ONLINE, scale),
        "returned": scale_count(calibration.RETURNED, scale),
        "national_rank": calibration.RANK,
        "earlier_rank": calibration.EARLIER_RANK,
        "provincial_tasks": calibration.PROVINCIAL_TASKS,
    }
