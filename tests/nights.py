"""Nights of tests: the stages of pipelines/night.py in this process, without Dagster: seconds, not half minutes.

`python -m tests.nights [--models] DAY..DAY DAY …`: one release per word, each pulling the days it
names, in the installation that the environment names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release
from pipelines.night import Night, run_stages
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse import dbt
from pipelines.warehouse.data_tests import build_and_test, build_models

# --models: without data tests.
BUILDS = {"--models": build_models}


def read_days(word: str) -> list[date]:
    """`A`, `A..B`, or `-` for none."""
    if word == "-":
        return []
    first, _, last = word.partition("..")
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def night_of(settings: Settings, word: str = "-", **changes: Any) -> Night:
    """The night that pulls the days of `word`, each again if it was landed."""
    os.environ.update(settings.child_environment())
    night = Night(settings, load_contracts(settings.sources_file), run_id=f"night of {word}",
                  days=read_days(word), only_missing=False, author="night", reason=word)  # fmt: skip
    return replace(night, **changes)


def run_night(
    settings: Settings,
    word: str,
    as_of: datetime | None = None,
    *,
    build: Callable[[Settings], list[dbt.NodeResult]] = build_and_test,
    exports: Sequence[str] = ("marts_duckdb",),
) -> Release:
    """One whole night and the newest release after it."""
    settings = replace(settings, exports_on=frozenset(exports))
    run_stages(night_of(settings, word, as_of=as_of, build=build))
    with open_lake(settings) as con:
        return ledger.list_releases(con)[-1]


if __name__ == "__main__":
    build = BUILDS.get(sys.argv[1], build_and_test)
    for argument in (word for word in sys.argv[1:] if word not in BUILDS):
        word, _, moment = argument.partition("@")
        as_of = datetime.fromisoformat(moment) if moment else None
        release = run_night(Settings.from_env(), word, as_of, build=build)
        print(release.release_id, release.reason, flush=True)
