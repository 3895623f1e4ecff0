"""What it costs to ask: validation and gate together, as a share of the whole line on the demo.

CPU seconds of this process, on a fresh demo: landing, validation, build, publication and exports, once. The goal is
a tenth of the line with them; the benchmark fails above it. Texts are typed for staging as well as for the rules: what
the rules need beside is measured by typing a second time without them, which is no part of the line.

    python -m benchmarks.gate [--scale 1.0]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from benchmarks.results import Figure, write_results
from pipelines import duck
from pipelines.demo import generate
from pipelines.night import STAGES, Night
from pipelines.quality import validate
from pipelines.quality.split import KeyedBatch, list_landed_columns, select_landed
from pipelines.quality.suite import Suite
from pipelines.quality.typing import select_typed
from pipelines.releases import publish
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source, load_contracts
from pipelines.warehouse.dbt import ensure_manifest

FIRST, LAST = date(2025, 6, 1), date(2025, 8, 6)
GOAL = 0.10
BARE = "typing without rules"
# What asks and decides; writing and building are the line itself.
WATCHED: tuple[tuple[ModuleType, str], ...] = (
    (validate, "type_rows"),
    (validate, "evaluate_suite"),
    (validate, "write_history"),
    (validate, "collect_batch_facts"),
    (validate, "collect_samples"),
    (publish, "examine_build"),
)


def watch(function: Callable[..., Any], seconds: dict[str, float], name: str) -> Callable[..., Any]:
    def timed(*values: Any, **words: Any) -> Any:
        start = time.process_time()
        try:
            return function(*values, **words)
        finally:
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - start

    return timed


def type_barely(seconds: dict[str, float], type_rows: Callable[..., Any]) -> Callable[..., Any]:
    """`type_rows`, and beside it the canonical columns alone, which are typed without any rule."""

    def run_both(con: Any, source: Source, suite: Suite, keyed: list[KeyedBatch], references: Any) -> Any:
        frames = type_rows(con, source, suite, keyed, references)
        columns = ", ".join(duck.identifier(name) for name in ("_key", *(c.name for c in source.columns)))
        start = time.process_time()
        typing = select_typed(source, f"({select_landed(keyed)})", list_landed_columns(keyed))
        con.execute(f"create or replace temp table typed_barely as select {columns} from ({typing})")
        con.execute("drop table typed_barely")
        seconds[BARE] = seconds.get(BARE, 0.0) + time.process_time() - start
        return frames

    return run_both


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder))
        os.environ.update(settings.child_environment())
        generate(settings.data / "demo", scale=scale)
        ensure_manifest(settings)
        days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
        night = Night(settings, load_contracts(settings.sources_file), run_id="benchmark", days=days)
        asking: dict[str, float] = {}
        stages: dict[str, float] = {}
        patches = [
            mock.patch.object(module, name, watch(getattr(module, name), asking, name))
            for module, name in WATCHED
        ]
        for patch in patches:
            patch.start()
        bare = mock.patch.object(validate, "type_rows", type_barely(asking, validate.type_rows))
        bare.start()
        for name, stage in STAGES.items():
            watch(stage, stages, name)(night)
        bare.stop()
        for patch in patches:
            patch.stop()
    typing = asking.pop(BARE)
    stages["accepted"] -= typing
    asking["type_rows"] -= typing
    whole, cost = sum(stages.values()), sum(asking.values())
    for name, seconds in stages.items():
        print(f"{name:22} {seconds:7.1f} CPU s")
    for name, seconds in asking.items():
        print(f"  {name:20} {seconds:7.2f} CPU s  {seconds / whole:6.1%}")
    print(f"validation and gate together / the line: {cost / whole:.1%} ({cost:.1f} of {whole:.1f} CPU s, goal ≤ {GOAL:.0%}; "
          f"of the line without them {cost / (whole - cost):.1%})")  # fmt: skip
    figures = [Figure("validation and gate together, of the line", 100 * cost / whole, "%", 100 * GOAL)]
    figures += [Figure(name, seconds, "CPU s") for name, seconds in [("the line", whole), *asking.items()]]
    write_results("gate", figures)
    if cost > GOAL * whole:
        raise SystemExit(f"Asking costs more than {GOAL:.0%} of the line.")


if __name__ == "__main__":
    main()
