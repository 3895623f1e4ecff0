"""Landing, validation and the build killed at the boundaries they cross, and on a full disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pipelines import duck
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import find_newest_batches, list_batches, verify_batch
from pipelines.night import build, land_source, publish_release, validate_source
from pipelines.quality.reports import read_report
from pipelines.settings import Settings
from pipelines.warehouse.build import prepare_warehouse, read_built_state
from pipelines.warehouse.data_tests import build_models
from tests import crashing, nights, week
from tests.support.boundaries import EXTENT, choose_boundaries
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow
DAY = date(2025, 7, 15)
LOG = "dossier_log"


def at(settings: Settings, folder: Path) -> Settings:
    copy_installation(settings.data, folder, "demo", ".rebuild.*")
    (folder / "demo").symlink_to(settings.data / "demo")
    return Settings(data=folder, sources_file=folder / "sources.yaml")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The week's source systems, nothing pulled."""
    data = tmp_path_factory.mktemp("sources") / "data"
    settings = Settings(data=data, sources_file=data / "sources.yaml")
    crashing.ask_in_child(week.bring_up, settings)
    return settings


def landing(settings: Settings) -> None:
    """As a run does: days without a batch are pulled."""
    night = nights.night_of(settings, str(DAY), only_missing=True)
    land_source(night, night.contracts.sources[LOG])


def validation(settings: Settings) -> None:
    """As a run does: what was landed and has no report gets one."""
    night = nights.night_of(settings)
    validate_source(night, night.contracts.sources[LOG])


def both(settings: Settings) -> None:
    landing(settings)
    validation(settings)


def accepted(settings: Settings) -> tuple:
    """The rows that count, without the name of their batch; and what was rejected why."""
    (batch,) = find_newest_batches(settings.landing, LOG).values()
    report = read_report(settings.quality, batch)
    assert report is not None
    with duck.connect(settings.extensions) as con:
        read = f"select * exclude (batch_id) from read_parquet({duck.literal(report.accepted)}) order by _row"
        rows = con.execute(f"select count(*), md5(string_agg(t::varchar, '' order by _row)) from ({read}) t")
        content = rows.fetchone()
    why = sorted((r["rule"], r["unexpected"]) for r in report.results)
    return content, report.rows_read, report.rows_rejected, why


def is_sound(settings: Settings) -> None:
    """What is there is whole: every batch has its bytes, every report its files."""
    for batch in list_batches(settings.landing):
        verify_batch(batch)
        report = read_report(settings.quality, batch)
        assert report is None or report.accepted.exists()


@EXTENT
@pytest.mark.parametrize("stage", [landing, validation])
def test_a_stage_killed_at_any_boundary_leaves_nothing_half_and_the_next_run_heals(
    sources: Settings, tmp_path: Path, stage: Callable[[Settings], None], every: bool
) -> None:
    origin = at(sources, tmp_path / "origin")
    if stage is validation:
        crashing.ask_in_child(landing, origin)
    whole = at(origin, tmp_path / "whole")
    boundaries = crashing.undisturbed(stage, whole)
    crashing.ask_in_child(both, whole)
    expected = crashing.ask_in_child(accepted, whole)
    assert any("rename to" in b for b in boundaries)
    for number, name in choose_boundaries(boundaries, every):
        spoilt = at(origin, tmp_path / "spoilt")
        crashing.killed_at(number, stage, spoilt)
        crashing.ask_in_child(is_sound, spoilt)
        crashing.ask_in_child(both, spoilt)
        assert crashing.ask_in_child(accepted, spoilt) == expected, name


@pytest.mark.parametrize("stage", [landing, validation])
def test_a_full_disk_leaves_nothing_half_and_the_next_run_heals(
    sources: Settings, tmp_path: Path, stage: Callable[[Settings], None]
) -> None:
    spoilt = at(sources, tmp_path / "spoilt")
    if stage is validation:
        crashing.ask_in_child(landing, spoilt)
    assert crashing.on_a_full_disk(stage, spoilt)
    crashing.ask_in_child(is_sound, spoilt)
    crashing.ask_in_child(both, spoilt)
    assert crashing.ask_in_child(accepted, spoilt)[1] > 0


def test_two_runs_at_once_leave_whole_batches_and_one_that_counts(sources: Settings, tmp_path: Path) -> None:
    alone, together = at(sources, tmp_path / "alone"), at(sources, tmp_path / "together")
    crashing.ask_in_child(both, alone)
    assert crashing.at_once(both, together) == [0, 0]
    crashing.ask_in_child(is_sound, together)
    # What the slower one landed last is judged by the next run, if it was not by this one.
    crashing.ask_in_child(both, together)
    assert crashing.ask_in_child(accepted, together) == crashing.ask_in_child(accepted, alone)


def building(settings: Settings) -> None:
    """Without data tests, which write nothing."""
    build(nights.night_of(settings, build=build_models))


def writing_the_warehouse(settings: Settings) -> None:
    """The build from its first write on: what comes before only reads, and SQLite cannot even do that here."""
    prepare_warehouse(settings, nights.night_of(settings).contracts)
    build_models(settings)


def released(settings: Settings) -> dict[str, str]:
    with open_lake(settings) as con:
        return {name: mart.sha256 for name, mart in ledger.list_releases(con)[-1].marts.items()}


def publishing(settings: Settings) -> bool:
    return publish_release(nights.night_of(settings)).is_new


# A build crosses some 250 boundaries.
IN_THE_MIDDLE = 120


@pytest.fixture(scope="module")
def build_boundaries(week: Settings, tmp_path_factory: pytest.TempPathFactory) -> int:
    whole = at(week, tmp_path_factory.mktemp("build") / "data")
    return len(crashing.undisturbed(building, whole))


def test_a_build_killed_in_the_middle_is_not_published_and_the_next_one_is_the_same(
    week: Settings, tmp_path: Path
) -> None:
    check_a_killed_build(at(week, tmp_path / "spoilt"), IN_THE_MIDDLE)


@pytest.mark.full
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_build_killed_anywhere_is_not_published_and_the_next_one_is_the_same(
    week: Settings, build_boundaries: int, tmp_path: Path, share: float
) -> None:
    check_a_killed_build(at(week, tmp_path / "spoilt"), int(build_boundaries * share))


def check_a_killed_build(spoilt: Settings, boundary: int) -> None:
    before = crashing.ask_in_child(released, spoilt)
    crashing.killed_at(boundary, building, spoilt)
    assert crashing.ask_in_child(read_built_state, spoilt) is None
    assert crashing.ask_in_child(released, spoilt) == before
    crashing.ask_in_child(building, spoilt)
    assert crashing.ask_in_child(publishing, spoilt) is False  # every hash is the same: nothing new


def test_a_build_on_a_full_disk_is_not_published_and_the_release_answers(
    week: Settings, tmp_path: Path
) -> None:
    spoilt = at(week, tmp_path / "spoilt")
    before = crashing.ask_in_child(released, spoilt)
    assert crashing.on_a_full_disk(writing_the_warehouse, spoilt)
    assert crashing.ask_in_child(read_built_state, spoilt) is None
    assert crashing.ask_in_child(released, spoilt) == before
