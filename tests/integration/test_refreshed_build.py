"""A build out of the one before, by the real stages: it is the one from nothing, also where one was killed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipelines import duck
from pipelines.lake.ledger import Release
from pipelines.landing.batches import find_newest_batches
from pipelines.landing.withdrawals import record_events
from pipelines.night import build_warehouse
from pipelines.releases.publish import publish
from pipelines.releases.verify import verify_releases
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings
from pipelines.warehouse.replaced_rows import ReplacedRows, find_replaced
from tests import crashing, nights
from tests.integration.test_refresh_histories import hash_tables
from tests.support.boundaries import EXTENT, choose_boundaries
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow
BEFORE, LATER = datetime(2025, 8, 6, 16), datetime(2025, 8, 7, 12)


def at(settings: Settings, folder: Path) -> Settings:
    copy_installation(settings.data, folder, "demo", ".rebuild.*")
    (folder / "demo").symlink_to(settings.data / "demo")
    return Settings(data=folder, sources_file=folder / "sources.yaml")


def build_at(settings: Settings, as_of: datetime = LATER, from_nothing: bool = False) -> tuple[str, object]:
    """How much was built, and what every table holds; in part, though so small a place is built whole."""
    night = replace(nights.night_of(settings, as_of=as_of), from_nothing=from_nothing, is_weighed=False)
    result = build_warehouse(night)
    assert not result.failed
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        return result.extent, hash_tables(con)


def withdraw_a_day(settings: Settings) -> None:
    """Of the log: its rows no longer count, an older batch of that day does."""
    batch = find_newest_batches(settings.landing, "dossier_log")["2025-08-05"]
    record_events(settings.landing, "withdrawn", [batch], "test", "a day that was wrong")


def publish_build(settings: Settings) -> Release:
    return publish(settings, run_id="run", author="test", reason="by hand").release


def build_and_publish(settings: Settings, from_nothing: bool) -> tuple[Release, ReplacedRows | None]:
    """The next release, and what its build says of the rows that it replaced."""
    build_at(settings, LATER, from_nothing)
    with duck.connect(settings.extensions) as con:
        con.execute(f"attach {duck.literal(settings.warehouse)} as built (read_only)")
        replaced = find_replaced(con, "built")
    with exclusive(settings):
        return publish_build(settings), replaced


def test_a_release_of_a_build_in_part_is_that_of_one_from_nothing(week: Settings, tmp_path: Path) -> None:
    origin = at(week, tmp_path / "origin")
    crashing.ask_in_child(build_at, origin, BEFORE, True)
    with exclusive(origin):
        first = publish_build(origin)
    withdraw_a_day(origin)
    anew = at(origin, tmp_path / "anew")
    expected, nothing = crashing.ask_in_child(build_and_publish, anew, True)
    release, replaced = crashing.ask_in_child(build_and_publish, origin, False)
    assert nothing is None and replaced.release_hash == first.release_hash
    assert {
        "marts.dossier_register",
        "marts.submission_by_channel_daily",
        "marts.dim_date",
        # By the last days alone: the day that went, and those after it.
        "marts.online_submission_rate",
        "marts.reporting_completeness",
    } <= replaced.keys.keys()
    assert release.marts == expected.marts != first.marts
    assert verify_releases(origin).findings == []


@EXTENT
def test_a_later_build_is_the_same_as_from_nothing_also_after_a_kill(
    week: Settings, tmp_path: Path, every: bool
) -> None:
    origin = at(week, tmp_path / "origin")
    extent, _ = crashing.ask_in_child(build_at, origin, BEFORE)
    assert extent.startswith("everything: ")
    withdraw_a_day(origin)
    anew = at(origin, tmp_path / "anew")
    _, expected = crashing.ask_in_child(build_at, anew, LATER, True)
    again = at(origin, tmp_path / "again")
    extent, tables = crashing.ask_in_child(build_at, again)
    assert "keys derived again" in extent and tables == expected
    if not every:
        return
    boundaries = crashing.undisturbed(build_at, at(origin, tmp_path / "counted"))
    # Between them the warehouse is neither what it was nor what it will be.
    opened = next(n for n, name in enumerate(boundaries, 1) if "raw.finished_build" in name)
    sealed = next(n for n, name in enumerate(boundaries, 1) if "after rename to warehouse.sha256" in name)
    for number in sorted({*(n for n, _ in choose_boundaries(boundaries, False)), opened, sealed - 1}):
        spoilt = at(origin, tmp_path / f"spoilt-{number}")
        crashing.killed_at(number, build_at, spoilt)
        extent, tables = crashing.ask_in_child(build_at, spoilt)
        assert tables == expected, boundaries[number - 1]
        assert extent.startswith("everything: ") or not opened <= number < sealed, boundaries[number - 1]
