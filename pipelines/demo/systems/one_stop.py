"""The one-stop system: a database of dossier states. The manifest has its planted faults and true counts."""

from __future__ import annotations

from typing import Any

from pipelines.demo.one_stop import write_one_stop
from pipelines.demo.province import REFERENCE, Province


def write_system(province: Province, manifest: dict[str, Any]) -> dict[str, Any]:
    counts = write_one_stop(
        province.root / "one_stop.sqlite",
        province.seed_generator(0),
        province.scale,
        province.until,
        REFERENCE,
        province.root.parent / "duckdb_extensions",
        province.captures,
    )
    return {"rows": {"one_stop": counts.pop("rows")}, "one_stop": counts}
