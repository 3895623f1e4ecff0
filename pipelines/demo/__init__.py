"""The demo province: source systems of a synthetic Nghệ An, as they really look, dirt included.

Invented data, calibrated to published totals (DOMAIN §1). The manifest states every planted fault.
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
from pipelines.demo.ranking import ranking_server

__all__ = ["generate", "ranking_server"]

VERSION = 3
SEED = 20_250_806
REFERENCE = Path(__file__).resolve().parents[2] / "reference"
SNAPSHOT_DAYS = [date(2025, 7, 22), date(2025, 7, 29), date(2025, 8, 5), date(2025, 8, 6), date(2025, 8, 7)]


def generate(
    root: Path,
    *,
    until: date = date(2025, 8, 7),
    scale: float = 1.0,
    seed: int = SEED,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Write every source system under `root`; returns the manifest. A whole one is not made again."""
    wanted = {"version": VERSION, "seed": seed, "scale": scale, "until": until.isoformat()}
    manifest = root / "manifest.json"
    if manifest.exists():
        known: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        if {key: known.get(key) for key in wanted} == wanted:
            return known
        manifest.unlink()
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(REFERENCE, root / "reference", dirs_exist_ok=True)
    progress("one-stop database")
    from pipelines.demo.one_stop import write_one_stop

    one_stop = write_one_stop(
        root / "one_stop.sqlite",
        np.random.default_rng(seed),
        scale,
        until,
        REFERENCE,
        root.parent / "duckdb_extensions",
    )
    progress("trackers and registers")
    issues = _snapshots(root, until, scale, seed)
    made = {
        **wanted,
        "rows": {"one_stop": one_stop.pop("rows")},
        "one_stop": one_stop,
        "issue_register": issues,
    }
    made["calibrated"] = {"cutoff": str(k.CUTOFF), "received": k.scaled(k.RECEIVED, scale), "online": k.scaled(k.ONLINE, scale), "returned": k.scaled(k.RETURNED, scale), "national_rank": k.RANK, "earlier_rank": k.EARLIER_RANK, "provincial_tasks": {"total": 23, "completed": 14, "in_term": 9, "overdue": 0}}  # fmt: skip
    manifest.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")
    return made


def _snapshots(root: Path, until: date, scale: float, seed: int) -> dict[str, Any]:
    from pipelines.demo import issues, ranking, tasks

    units = pd.read_csv(REFERENCE / "units.csv", dtype=str, keep_default_na=False)
    register = issues.make_issues(units, np.random.default_rng(seed + 1), max(issues.ISSUES, k.scaled(issues.ISSUES, scale)))
    faults: dict[str, int] = {}
    for day in SNAPSHOT_DAYS:
        if day > until:
            continue
        provincial, commune = tasks.tracker_rows(day, units)
        tasks.write_tracker(root / "task_tracker" / f"{day}.xlsx", provincial, commune)
        faults = issues.write_register(root / "issue_register" / f"{day}.csv", register, day)
        share = (day - date(2025, 6, 30)).days / 37
        received = (
            k.scaled(k.RECEIVED, scale) if day == k.CUTOFF.date() else k.scaled(k.RECEIVED, scale * share)
        )
        online = (
            k.scaled(k.ONLINE, scale) if day == k.CUTOFF.date() else round(received * (0.69 + 0.034 * share))
        )
        rank = k.EARLIER_RANK if day == k.EARLIER_CUTOFF.date() else k.RANK if day >= k.CUTOFF.date() else 22
        ranking.write_capture(
            root / "national_ranking" / str(day), datetime.combine(day, k.CUTOFF.time()), received, online, rank,
            np.random.default_rng([seed, day.toordinal()]),
        )  # fmt: skip
    return {"rejected": faults}


def load_into_postgres(sqlite_file: Path, url: str) -> int:
    """Copy the one-stop table into a PostgreSQL database; returns the rows. For tests and trials."""
    import sqlite3

    import psycopg

    with sqlite3.connect(sqlite_file) as lite, psycopg.connect(url) as con, con.cursor() as cursor:
        rows = lite.execute('select * from ho_so_trang_thai order by "ThoiGianDongBo"')
        names = ", ".join(f'"{d[0]}" text' for d in rows.description)
        cursor.execute(f"create table ho_so_trang_thai ({names})")  # type: ignore[arg-type]
        with cursor.copy("copy ho_so_trang_thai from stdin") as copy:
            count = 0
            for row in rows:
                copy.write_row(row)
                count += 1
    return count
