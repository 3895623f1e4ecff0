"""Validation by itself: seconds per million rows of the dossier suite, and peak memory.

    python -m benchmarks.validation [--rows 1000000] [--days 20]

Three ways over the same landed rows, each in a process of its own: this pipeline (types, judges, splits into
accepted and rejected, writes reports); the same suite handed to Great Expectations as a user would, one typed
pandas frame with every row; and that frame with the texts as Python objects, as pandas gave them for years.
They must find the same failing rows, or the benchmark fails. The goal is on what Great Expectations costs
here: distinct values, the calls, and finding the failing rows again; in CPU seconds, which hold on a machine
that others use too (by the wall it is less where the machine is idle: part of it runs on both cores).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.__main__ import measure
from benchmarks.results import Figure, write_results
from pipelines import duck
from pipelines.landing.batches import list_batches, write_batch
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts

GOAL = 4.0
WAYS = {
    "this pipeline": "pipeline",
    "pandas + GX, Arrow texts": "arrow",
    "pandas + GX, object texts": "object",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.validation")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=20, help="batches the rows are spread over")
    parser.add_argument("--way", choices=list(WAYS.values()), help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        print(
            json.dumps(
                (_pipeline if options.way == "pipeline" else _plain)(Settings(options.data), options.way)
            )
        )
        return
    console = Console()
    with tempfile.TemporaryDirectory(prefix="thongsuot-bench-") as folder:
        _land(Settings(Path(folder)), options.rows, options.days)
        table = Table("", "GX s/M rows", "its CPU", "whole s/M rows", "its CPU", "peak MiB", "start-up MiB")
        start = measure([sys.executable, "-c", "import great_expectations, pandas, duckdb"], {**os.environ})
        costs, per = {}, 1e6 / options.rows
        for name, way in WAYS.items():
            words = [sys.executable, "-m", "benchmarks.validation", "--way", way, "--data", folder]
            with console.status(name):
                cost = measure(words, {**os.environ, "GX_ANALYTICS_ENABLED": "false"})
            cost_of_way = costs[name] = json.loads(cost.out.splitlines()[-1])
            seconds = [f"{cost_of_way[k] * per:.2f}" for k in ("gx", "gx_cpu", "whole", "whole_cpu")]
            table.add_row(name, *seconds, f"{cost.mib:.0f}", f"{start.mib:.0f}")
    ours, *others = costs.values()
    rules = len(ours["failed"])
    console.print(f"{options.rows:,} dossier rows in {options.days} batches, {rules} rules over rows")
    console.print(table)
    for other in others:
        shared = {rule: ours["failed"][rule] for rule in other["failed"]}
        if shared != other["failed"]:
            sys.exit(f"they disagree: {shared} here, {other['failed']} there")
        ratio = other["gx_cpu"] / ours["gx_cpu"]
        console.print(f"Great Expectations costs {ratio:.1f} times less CPU than in the plain way")
    figures = [Figure("Great Expectations, a million rows", ours["gx_cpu"] * per, "CPU s", GOAL)]
    figures += [
        Figure(f"all of it, {name}", cost["whole_cpu"] * per, "CPU s") for name, cost in costs.items()
    ]
    write_results("validation", figures)
    met = "met" if ours["gx_cpu"] * per <= GOAL else "missed"
    console.print(f"goal ≤ {GOAL} s per million rows: {ours['gx_cpu'] * per:.2f} s of CPU, {met}")


def _land(settings: Settings, rows: int, days: int) -> None:
    """Made-up dossiers of four states each; one row in a thousand is wrong in one of four ways."""
    name = "dossier_log"
    for day in range(days):
        first, last = rows * day // days, rows * (day + 1) // days

        def write(out: Path, first: int = first, last: int = last) -> tuple[str, tuple[str, ...]]:
            duckdb.execute(
                f"copy ({SYNTHETIC_LOG.format(first=first, last=last)}) to '{out}' (format parquet)"
            )
            return "made up", ()

        write_batch(settings.landing, name, f"2025-07-{day % 28 + 1:02d}", write, run_id="bench")


SYNTHETIC_LOG = """
    with numbers as (
        select i, i // 4 as dossier, i % 4 as step, timestamp '2025-07-01 07:00:00' + to_seconds(i // 4) as t
        from range({first}, {last}) as r (i)
    )
    select
        (i - {first} + 1)::bigint as _row,
        case when i % 4000 = 1 then null else 'H41.16-250701-' || lpad(dossier::varchar, 7, '0') end as dossier_code,
        '1.0' || lpad((dossier % 2156)::varchar, 5, '0') as procedure_code,
        'Thủ tục số ' || (dossier % 2156) as procedure_name,
        'G15-TP' || (dossier % 30) as sector_code, 'Lĩnh vực ' || (dossier % 30) as sector_name,
        case when i % 4000 = 3 then '9' else (1 + dossier % 3)::varchar end as channel,
        (1 + dossier % 3)::varchar as applicant_type, (2 + dossier % 3)::varchar as service_level,
        (16663 + 3 * (dossier % 130))::varchar as receiving_unit_code,
        (16663 + 3 * (dossier % 130))::varchar as processing_unit_code,
        [2, 4, 9, 10][step + 1]::varchar as status_code,
        strftime(t + to_hours(step * 5), '%Y-%m-%d %H:%M:%S') as recorded_at,
        strftime(t + to_hours(step * 5) + interval 5 minute, '%Y-%m-%d %H:%M:%S') as synced_at,
        strftime(t - interval 1 hour, '%Y%m%d%H%M%S') as submitted_at, strftime(t, '%Y%m%d%H%M%S') as received_at,
        case when i % 4000 = 5 then '31/02/2025' else strftime(t + interval 5 day, '%Y%m%d%H%M%S') end as due_at,
        case when step >= 2 then strftime(case when i % 4000 = 7 then t - interval 1 hour else t + to_hours(10) end,
            '%Y%m%d%H%M%S') end as finished_at,
        case when step = 3 then strftime(t + to_hours(15), '%Y%m%d%H%M%S') end as returned_at,
        null::varchar as refused_at, '1' as paid_online, '1' as is_digitised, '0' as has_e_result,
        '0' as supplement_requests
    from numbers
"""


def _pipeline(settings: Settings, _: str) -> dict[str, Any]:
    """The whole validation, and within it what its Great Expectations road takes."""
    from pipelines.quality import validate as validation

    source = load_contracts(PROJECT / "sources.yaml").sources["dossier_log"]
    spent = np.zeros(2)
    evaluate = validation.evaluate_suite

    def timed(*arguments: Any, **words: Any) -> Any:
        nonlocal spent
        start = _clocks()
        results = evaluate(*arguments, **words)
        spent = spent + _clocks() - start
        return results

    validation.evaluate_suite = timed  # type: ignore[assignment]
    _warm()
    start = _clocks()
    reports = validation.validate_batches(source, list(list_batches(settings.landing, source.name)), settings)
    whole = _clocks() - start
    failed: dict[str, int] = {}
    for result in (x for r in reports for x in r.results if x["scope"] == "row"):
        failed[result["rule"]] = failed.get(result["rule"], 0) + result["unexpected"]
    return summarise(spent, whole, failed)


def _plain(settings: Settings, way: str) -> dict[str, Any]:
    """Every typed row in one frame, every column the rules read as it is; history is left out."""
    from pipelines.quality.expectations import evaluate_frame
    from pipelines.quality.references import select_with_helpers
    from pipelines.quality.split import assign_keys, list_landed_columns, select_landed
    from pipelines.quality.suite import read_suite
    from pipelines.quality.typing import select_typed
    from pipelines.quality.whole import select_row_facts
    from pipelines.sources.values.characters import register_characters

    source = load_contracts(PROJECT / "sources.yaml").sources["dossier_log"]
    suite = read_suite(source.suite_path)
    rules = [e for e in suite.rows if not e.of_history]
    keyed = assign_keys(list(list_batches(settings.landing, source.name)))
    _warm()
    start = _clocks()
    with duck.connect(settings.extensions) as con:
        register_characters(con)
        typing = select_typed(source, f"({select_landed(keyed)})", list_landed_columns(keyed))
        typing = select_with_helpers(
            suite, f"select *, {select_row_facts(source, keyed)} from ({typing})", {}
        )
        read = ", ".join(duck.identifier(c) for c in ["_key", *sorted({c for e in rules for c in e.columns})])
        frame = con.execute(f"select {read} from ({typing})").to_arrow_table().to_pandas().set_index("_key")
    if way == "object":
        frame = frame.astype({c: "object" for c, kind in frame.dtypes.items() if str(kind) == "str"})
    begun = _clocks()
    results = evaluate_frame(rules, frame.rename_axis(None), source.name)
    end = _clocks()
    failed = {o.expectation.rule: len(o.failed) for o in results}
    return summarise(end - begun, end - start, failed)


def _clocks() -> np.ndarray:
    """Seconds by the wall and of this process's CPU."""
    return np.array([time.monotonic(), time.process_time()])


def summarise(gx: np.ndarray, whole: np.ndarray, failed: dict[str, int]) -> dict[str, Any]:
    return {"gx": gx[0], "gx_cpu": gx[1], "whole": whole[0], "whole_cpu": whole[1], "failed": failed}


def _warm() -> None:
    """The import of Great Expectations is paid once per night, whatever the rows."""
    import great_expectations  # noqa: F401


if __name__ == "__main__":
    main()
