"""What history costs: a province's first build, and a night after it, with the log once and so many times.

On a copy of a province that was run (`make run` leaves one; without it the demo is brought up):

    python -m benchmarks.history [--data data] [--times 1 4] [--dearest 12]

Every day of the log stands there again, so many times ten weeks earlier, with dossiers of its own: accepted batches
with their reports, as validation leaves them. The newest day comes in the night that is measured. Each build is a
process of its own; the same night from nothing is the yardstick, and must give the same tables.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from rich.console import Console

from benchmarks.__main__ import Cost, measure
from benchmarks.releases import copy_province
from benchmarks.results import PAGE, RESULTS, write_results
from pipelines import duck
from pipelines.lake.content_hash import Content, hash_content
from pipelines.landing.batches import hash_file, read_json, write_json
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.dbt import ensure_manifest

LOG, WEEKS = "dossier_log", 10
BUILD = """
import json, sys
from pipelines.night import Night, build_warehouse
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
settings = Settings.from_env()
night = Night(settings, load_contracts(settings.sources_file), run_id="history", from_nothing="anew" in sys.argv)
result = build_warehouse(night)
assert not result.failed, [node for node in result.nodes if node.failed]
seconds = {node.unique_id: round(node.seconds, 2) for node in result.nodes}
print(json.dumps([result.extent, seconds]))
"""


class BuildCost(NamedTuple):
    """`nodes`: seconds per node of the build."""

    cost: Cost
    extent: str
    nodes: dict[str, float]


def lengthen_log(settings: Settings, times: int) -> int:
    """Rows of the log after each of its days was written again `times - 1` times; sources.yaml begins with them."""
    con = duckdb.connect()
    con.execute("set preserve_insertion_order = false")
    for landed in sorted((settings.landing / LOG).glob("*/*.json")):
        day = landed.parent.name
        for copy in range(1, times):
            _write_earlier(con, settings, landed, day, copy)
    shift = timedelta(weeks=WEEKS * (times - 1))
    contracts = load_contracts(settings.sources_file)
    text = settings.sources_file.read_text(encoding="utf-8")
    for name, first in (("counts_since", contracts.place.counts_since), ("first_day", contracts.first_day)):
        text = text.replace(f"{name}: {first}", f"{name}: {first - shift}")
    settings.sources_file.write_text(text, encoding="utf-8")
    files = duck.literal(f"{settings.quality}/{LOG}/*/*.accepted.parquet")
    return int(con.execute(f"select count(*) from read_parquet({files})").fetchall()[0][0])


def _write_earlier(
    con: duckdb.DuckDBPyConnection, settings: Settings, landed: Path, day: str, copy: int
) -> None:
    """A day's batch, `copy` times ten weeks before, accepted; what landed is the same file."""
    weeks = WEEKS * copy
    earlier = str(date.fromisoformat(day) - timedelta(weeks=weeks))
    report_path = settings.quality / LOG / day / landed.name
    accepted = report_path.with_name(f"{landed.stem}.accepted.parquet")
    batch_id = f"{landed.stem}-{copy}"
    folders = [settings.landing / LOG / earlier, settings.quality / LOG / earlier]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    rows, columns = f"read_parquet({duck.literal(accepted)})", []
    for name, kind in [row[:2] for row in con.execute(f"describe from {rows}").fetchall()]:
        if kind in ("DATE", "TIMESTAMP"):
            columns.append(f"({name} - interval {weeks} week)::{kind} as {name}")
    target = folders[1] / f"{batch_id}.accepted.parquet"
    con.execute(
        f"copy (select * replace ({', '.join(columns)}, {duck.literal(batch_id)} as batch_id, "
        f"dossier_code || '-{copy}' as dossier_code) from {rows}) to {duck.literal(target)} (compression zstd)"
    )
    (folders[0] / f"{batch_id}.parquet").hardlink_to(target)
    sha256, kept = hash_file(target), read_json(report_path)["rows_accepted"]
    write_json(
        folders[0] / f"{batch_id}.json",
        read_json(landed) | {"batch_id": batch_id, "partition": earlier, "sha256": sha256, "rows": kept},
    )
    write_json(
        folders[1] / f"{batch_id}.json",
        read_json(report_path)
        | {"batch_id": batch_id, "partition": earlier, "rows_read": kept, "rows_rejected": 0, "results": []}
        | {"files": {"accepted": sha256}},
    )


def build(settings: Settings, *words: str) -> BuildCost:
    environment = {**os.environ, **settings.child_environment()}
    cost = measure([sys.executable, "-c", BUILD, *words], environment)
    extent, nodes = json.loads(cost.out.splitlines()[-1])
    return BuildCost(cost, extent, nodes)


def measure_history(settings: Settings, times: int, console: Console, most: int) -> dict[str, Any]:
    """What was measured: the first build, the night of the newest day, and that night from nothing."""
    newest = max(path.name for path in (settings.landing / LOG).iterdir())
    aside = settings.data / "newest"
    shutil.move(settings.landing / LOG / newest, aside)
    rows = lengthen_log(settings, times)
    first = build(settings)
    shutil.move(aside, settings.landing / LOG / newest)
    night, tables = build(settings), hash_marts(settings)
    anew = build(settings, "anew")
    if hash_marts(settings) != tables:
        raise RuntimeError("the night out of the build before is not the night from nothing")
    console.print(f"{rows:,} rows; the night: {night.extent}")
    dearest = sorted(anew.nodes, key=lambda name: -max(night.nodes[name], anew.nodes[name]))[:most]
    return {
        "log_rows": rows,
        "days": len(list((settings.landing / LOG).iterdir())),
        **{word: describe(c.cost) for word, c in (("first", first), ("night", night), ("anew", anew))},
        "dearest": [(name.split(".")[2], night.nodes[name], anew.nodes[name]) for name in dearest],
    }


def hash_marts(settings: Settings) -> dict[str, Content]:
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        tables = con.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('marts', 'audit')"
        ).fetchall()
        return {".".join(table): hash_content(con, duck.identifier(*table)) for table in tables}


def describe(cost: Cost) -> dict[str, float]:
    return {"wall": round(cost.wall, 1), "cpu": round(cost.cpu, 1), "mib": round(cost.mib)}


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=Path, default=Path(os.environ.get("THONGSUOT_DATA", "data")))
    words.add_argument("--times", type=int, nargs="+", default=[1, 4])
    words.add_argument("--dearest", type=int, default=12)
    words.add_argument("--results", type=Path, default=RESULTS)
    words.add_argument("--page", type=Path, default=PAGE)
    options = words.parse_args()
    console, measured = Console(), []
    for times in options.times:
        with copy_province(options.data.resolve()) as copy:
            sources = copy.data / "sources.yaml"
            shutil.copyfile(copy.sources_file, sources)
            settings = replace(copy, sources_file=sources)
            ensure_manifest(settings)
            measured.append(measure_history(settings, times, console, options.dearest))
            console.print(measured[-1])
    write_results(options.results, options.page, "history", measured)


if __name__ == "__main__":
    main()
