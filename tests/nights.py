"""The stages of a night called one after another in one process, without Dagster: seconds, not half minutes.

`python -m tests.nights DATA DAY..DAY DAY …`: one release per word, each pulling the days it names.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pipelines.exports.marts_duckdb import write_marts_file
from pipelines.landing.batches import find_newest_batches
from pipelines.landing.pull import land_partition
from pipelines.landing.reference import land_reference
from pipelines.quality.validate import find_pending, validate
from pipelines.releases.publish import Publication, publish
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import finish, prepare
from pipelines.warehouse.dbt import build, ensure_manifest, explain

# Half the time of a small build, where the test is about something else.
UNTESTED = ("--exclude-resource-type", "test")


def days(word: str) -> list[date]:
    first, _, last = word.partition("..")
    start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def land(settings: Settings, wanted: Sequence[date]) -> None:
    contracts = load_contracts(settings.sources_file)
    for source in contracts.sources.values():
        for day in wanted:
            if (
                source.partitioning == "snapshot_day"
                and not source.resolved_path(settings.data, str(day)).exists()
            ):
                continue
            land_partition(source, day, settings, run_id=f"night of {day}")
    land_reference(contracts, settings, run_id="reference")


def judge(settings: Settings) -> None:
    """Whatever was never validated, or by other rules: as the nightly run does."""
    for source in load_contracts(settings.sources_file).sources.values():
        left = find_pending(
            source, find_newest_batches(settings.landing, source.name).values(), settings.quality
        )
        validate(source, left, settings)


def build_and_publish(settings: Settings, as_of: datetime | None, reason: str, *words: str) -> Publication:
    at = prepare(settings, load_contracts(settings.sources_file), as_of)
    results = build(settings, *words)
    assert not any(r.failed for r in results), explain(settings, results)
    finish(settings, at)
    return publish(settings, run_id=f"run {reason}", author="night", reason=reason)


def night(
    settings: Settings, word: str, as_of: datetime | None = None, *, tested: bool = True
) -> Publication:
    """One whole night; `word`: the days it pulls, or `-` to pull none; `tested`: with dbt's data tests."""
    os.environ.update(settings.child_environment())
    ensure_manifest(settings)
    if word != "-":
        land(settings, days(word))
    judge(settings)
    outcome = build_and_publish(settings, as_of, word, *(() if tested else UNTESTED))
    write_marts_file(settings)
    return outcome


if __name__ == "__main__":
    installation = Settings.from_env()
    for argument in sys.argv[1:]:
        word, _, moment = argument.partition("@")
        made = night(installation, word, datetime.fromisoformat(moment) if moment else None)
        print(made.release.release_id, made.is_new, made.why, flush=True)
