"""A build out of the one before, by the real stages: it is the one from nothing, also where one was killed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from pipelines import duck
from pipelines.lake.content_hash import Content
from pipelines.lake.ledger import Release
from pipelines.landing.batches import find_newest_batches
from pipelines.landing.withdrawals import record_events
from pipelines.night import build_warehouse
from pipelines.releases.publish import publish
from pipelines.releases.verify import verify_releases
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse import sample_check
from pipelines.warehouse.build import read_inputs
from pipelines.warehouse.refreshed_build import refresh_build
from pipelines.warehouse.replaced_rows import ReplacedRows, find_replaced
from pipelines.warehouse.sealed_build import seal_build
from tests import crashing, nights
from tests.integration.test_refresh_histories import hash_tables
from tests.support.boundaries import choose_boundaries
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow
BEFORE, LATER = datetime(2025, 8, 6, 16), datetime(2025, 8, 7, 12)


def at(settings: Settings, folder: Path) -> Settings:
    copy_installation(settings.data, folder, "demo", ".rebuild.*")
    (folder / "demo").symlink_to(settings.data / "demo")
    return Settings(data=folder, sources_file=folder / "sources.yaml")


class State(NamedTuple):
    """How much a build made anew, what every table holds then, and what it says of the rows that it replaced."""

    extent: str
    tables: dict[str, Content]
    replaced: ReplacedRows | None


def build_at(settings: Settings, as_of: datetime = LATER, from_nothing: bool = False) -> State:
    """In part, though so small a place is built whole."""
    night = replace(nights.night_of(settings, as_of=as_of), from_nothing=from_nothing, is_weighed=False)
    result = build_warehouse(night)
    assert not result.failed
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        tables = hash_tables(con)
    with duck.connect(settings.extensions) as con:
        con.execute(f"attach {duck.literal(settings.warehouse)} as built (read_only)")
        return State(result.extent, tables, find_replaced(con, "built"))


def withdraw_a_day(settings: Settings) -> None:
    """Of the log: its rows no longer count, an older batch of that day does."""
    batch = find_newest_batches(settings.landing, "dossier_log")["2025-08-05"]
    record_events(settings.landing, "withdrawn", [batch], "test", "a day that was wrong")


def publish_build(settings: Settings) -> Release:
    with exclusive(settings):
        return publish(settings, run_id="run", author="test", reason="by hand").release


class Eve(NamedTuple):
    """The week, built at an earlier moment and published, a day withdrawn since; what lies in it later, from nothing.

    Tests must not change it.
    """

    settings: Settings
    release: Release
    later: State


@pytest.fixture(scope="module")
def eve(week: Settings, tmp_path_factory: pytest.TempPathFactory) -> Eve:
    folder = tmp_path_factory.mktemp("eve")
    settings = at(week, folder / "eve")
    assert crashing.ask_in_child(build_at, settings, BEFORE).extent.startswith("everything: ")
    release = crashing.ask_in_child(publish_build, settings)
    withdraw_a_day(settings)
    return Eve(
        settings, release, crashing.ask_in_child(build_at, at(settings, folder / "later"), LATER, True)
    )


def test_a_later_build_and_its_release_are_those_of_one_from_nothing(eve: Eve, tmp_path: Path) -> None:
    settings = at(eve.settings, tmp_path / "part")
    extent, tables, replaced = crashing.ask_in_child(build_at, settings)
    assert "keys derived again" in extent and tables == eve.later.tables
    assert eve.later.replaced is None and replaced.release_hash == eve.release.release_hash
    assert {
        "marts.dossier_register",
        "marts.submission_by_channel_daily",
        "marts.dim_date",
        # By the last days alone: the day that went, and those after it.
        "marts.online_submission_rate",
        "marts.reporting_completeness",
    } <= replaced.keys.keys()
    release = crashing.ask_in_child(publish_build, settings)
    assert release.marts == {name: eve.later.tables[name] for name in release.marts}
    assert release.marts != eve.release.marts
    assert verify_releases(settings).findings == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "delete from raw.key_batches where batch_id = (select min(batch_id) from raw.key_batches)",
            "not every key is noted of batches 2",
        ),
        ("drop table raw.key_batches", "Catalog Error: Table with name key_batches does not exist"),
        (
            "update marts.online_submission_rate set denominator = denominator + 1",
            "a sample of model.thongsuot.online_submission_rate.v1 on 2025-07-20 is not what it follows from",
        ),
    ],
)
def test_what_is_not_what_it_follows_from_is_not_built_upon(
    eve: Eve, tmp_path: Path, statement: str, reason: str
) -> None:
    assert crashing.ask_in_child(refresh_spoilt, at(eve.settings, tmp_path / "spoilt"), statement).startswith(
        reason
    )


def refresh_spoilt(settings: Settings, statement: str) -> str:
    """Why nothing is built in part after a statement that its seal does not tell; of days one before all that moves."""
    sample_check._draw_day = lambda *_: date(2025, 7, 20)
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute(statement)
    seal_build(settings)
    contracts = load_contracts(settings.sources_file)
    with exclusive(settings):
        refreshed = refresh_build(
            settings, contracts, read_inputs(settings, contracts, LATER), is_weighed=False
        )
    return refreshed if isinstance(refreshed, str) else "nothing"


@pytest.mark.full
def test_a_later_build_is_the_same_as_from_nothing_also_after_a_kill(eve: Eve, tmp_path: Path) -> None:
    boundaries = crashing.undisturbed(build_at, at(eve.settings, tmp_path / "counted"))
    # Between them the warehouse is neither what it was nor what it will be.
    opened = next(n for n, name in enumerate(boundaries, 1) if "raw.finished_build" in name)
    sealed = next(n for n, name in enumerate(boundaries, 1) if "after rename to warehouse.sha256" in name)
    for number in sorted({*(n for n, _ in choose_boundaries(boundaries, False)), opened, sealed - 1}):
        spoilt = at(eve.settings, tmp_path / f"spoilt-{number}")
        crashing.killed_at(number, build_at, spoilt)
        extent, tables, _ = crashing.ask_in_child(build_at, spoilt)
        assert tables == eve.later.tables, boundaries[number - 1]
        assert extent.startswith("everything: ") or not opened <= number < sealed, boundaries[number - 1]
