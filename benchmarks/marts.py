"""What the marts cost: the build's own time and peak memory on the demo, and on ten times its dossiers.

On a copy of a province that was run (`make run` leaves one; without it the demo is brought up):

    python -m benchmarks.marts [--data data] [--times 10] [--dearest 8]

The larger province is the same one with every dossier so many times under codes of its own: the same days
and units, so that only the rows grow. Seeds, models and data tests are built, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.__main__ import measure
from benchmarks.releases import copy_province
from benchmarks.results import Figure, write_results
from pipelines import duck
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import prepare_warehouse
from pipelines.warehouse.dbt import ensure_manifest

GOAL_SECONDS, GOAL_MIB = 25, 3072
BUILD = """
import json
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_and_test
results = build_and_test(Settings.from_env())
print(json.dumps({result.unique_id.split(".")[2]: result.seconds for result in results}))
failed = [result.unique_id for result in results if result.failed]
raise SystemExit("failed: " + ", ".join(failed) if failed else 0)
"""


class BuildCost(NamedTuple):
    """`seconds`: of all nodes together; `nodes`: seconds per node, the dearest first."""

    rows: int
    seconds: float
    mib: float
    nodes: list[tuple[str, float]]


def measure_build(settings: Settings, times: int) -> BuildCost:
    """Lay out the warehouse with every dossier `times` times, build it; RuntimeError where it fails."""
    prepare_warehouse(settings, load_contracts(settings.sources_file))
    rows = multiply_dossiers(settings, times)
    cost = measure([sys.executable, "-c", BUILD], {**os.environ, **settings.child_environment()})
    nodes: dict[str, float] = json.loads(cost.out.splitlines()[-1])
    dearest = sorted(nodes.items(), key=lambda node: -node[1])
    return BuildCost(rows, sum(nodes.values()), cost.mib, dearest)


def multiply_dossiers(settings: Settings, times: int) -> int:
    """Rows of the log after each was written `times` times, beside the accepted files that they come from."""
    with duck.connect(settings.extensions, settings.warehouse) as con:
        if times > 1:
            file = duck.literal(settings.data / "many.parquet")
            con.execute(
                f"""
                copy (
                    select log.* replace (dossier_code || '-' || copy as dossier_code, _row + 10000000 * copy as _row)
                    from raw.dossier_log as log cross join range({times:d}) as copies (copy)
                ) to {file} (compression zstd)"""
            )
            con.execute(f"create or replace view raw.dossier_log as select * from read_parquet({file})")
            # The books are kept: read = accepted + rejected, accepted = staged + duplicates.
            con.execute(
                f"""
                update raw.batches set
                    rows_read = rows_read + {times - 1:d} * rows_accepted, rows_accepted = {times:d} * rows_accepted
                where source = 'dossier_log'"""
            )
        return int(con.execute("select count(*) from raw.dossier_log").fetchall()[0][0])


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=Path, default=Path(os.environ.get("THONGSUOT_DATA", "data")))
    words.add_argument("--times", type=int, default=10)
    words.add_argument("--dearest", type=int, default=8)
    options = words.parse_args()
    with copy_province(options.data.resolve()) as settings:
        ensure_manifest(settings)
        one, many = measure_build(settings, 1), measure_build(settings, options.times)
    table = Table("what", "log rows", "seconds of all nodes", "peak MiB", "goal")
    table.add_row(
        "the province", f"{one.rows:,}", f"{one.seconds:.1f}", f"{one.mib:.0f}", f"{GOAL_SECONDS} s"
    )
    goal = f"{one.seconds * many.rows / one.rows:.0f} s, {GOAL_MIB} MiB"
    table.add_row(
        f"{options.times} times its dossiers",
        f"{many.rows:,}",
        f"{many.seconds:.1f}",
        f"{many.mib:.0f}",
        goal,
    )
    dear = Table("node", "s", f"s, {options.times} times", "ratio")
    before = dict(one.nodes)
    for name, seconds in many.nodes[: options.dearest]:
        dear.add_row(
            name, f"{before[name]:.2f}", f"{seconds:.2f}", f"{seconds / max(before[name], 0.01):.1f}"
        )
    Console().print(table, dear)
    write_results("marts", [
        Figure(f"seeds, models and data tests, {one.rows / 1e6:.2f} million rows", one.seconds, "s", GOAL_SECONDS),
        Figure("peak memory", one.mib, "MiB"),
        Figure(f"{options.times} times its dossiers", many.seconds, "s", one.seconds * many.rows / one.rows),
        Figure("peak memory", many.mib, "MiB", GOAL_MIB),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
