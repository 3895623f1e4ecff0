"""Publish and export killed at every boundary, on a full disk, and twice at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from pipelines.exports import marts_duckdb as duckdb_file
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.releases.publish import publish
from pipelines.releases.verify import verify_releases
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings
from tests import crashing
from tests.support.boundaries import EXTENT, choose_boundaries
from tests.support.copies import copy_installation
from tests.support.small_lake import built_night, night

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def second_built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """One release published and exported; the next night landed and built, not yet published."""
    settings = Settings(data=tmp_path_factory.mktemp("crash") / "data")
    settings.data.mkdir()
    crashing.ask_in_child(bring_up, settings)
    return settings


def bring_up(settings: Settings) -> None:
    night(settings, 1)
    duckdb_file.write_marts_file(settings)
    built_night(settings, 2)


def fresh(origin: Settings, folder: Path) -> Settings:
    copy_installation(origin.data, folder)
    return Settings(data=folder)


def publishing(settings: Settings) -> None:
    with exclusive(settings):
        publish(settings, run_id="run 2", author="night", reason="night 2")


def exporting(settings: Settings) -> None:
    duckdb_file.write_marts_file(settings)


def seen(settings: Settings) -> tuple:
    """What a reader of the lake sees: the newest release and rows of two tables that must agree."""
    with open_lake(settings) as con:
        con.execute("begin")
        newest = ledger.list_releases(con)[-1]
        tasks = con.execute("select count(*), max(n) from lake.marts.task").fetchone()
        counts = con.execute("select n from lake.marts.counts").fetchone()
    return newest.release_id, tasks, counts


def exported(settings: Settings) -> tuple:
    with duckdb.connect(str(settings.exports / "marts.duckdb"), read_only=True) as con:
        newest = con.execute("select max(release_id) from audit.releases").fetchone()
        return newest, con.execute("select count(*), max(n) from main.task").fetchone()


def healed(settings: Settings) -> tuple:
    """The same after the next run, with every hash."""
    publishing(settings)
    with open_lake(settings) as con:
        marts = ledger.list_releases(con)[-1].marts
    return seen(settings), {name: mart.sha256 for name, mart in marts.items()}


OLD, NEW = (1, (2, 1), (1,)), (2, (3, 2), (2,))


@EXTENT
def test_a_publish_killed_at_any_boundary_leaves_one_whole_release_and_the_next_run_heals(
    second_built: Settings, tmp_path: Path, every: bool
) -> None:
    whole = fresh(second_built, tmp_path / "whole")
    boundaries = crashing.undisturbed(publishing, whole)
    expected = crashing.ask_in_child(healed, whole)
    assert expected[0] == NEW and len(boundaries) > 10
    # The last commit records the state of the lake that the one before it made.
    committed, _ = [number for number, name in enumerate(boundaries, 1) if name == "after commit"][-2:]
    for number, _ in choose_boundaries(boundaries, every):
        spoilt = fresh(second_built, tmp_path / "spoilt")
        crashing.killed_at(number, publishing, spoilt)
        assert crashing.ask_in_child(seen, spoilt) == (NEW if number >= committed else OLD), (
            number,
            boundaries[number - 1],
        )
        assert crashing.ask_in_child(healed, spoilt) == expected, boundaries[number - 1]
    # The files that the dead left behind are in nobody's way.
    assert crashing.ask_in_child(verify_releases, spoilt).findings == []


@EXTENT
def test_an_export_killed_at_any_boundary_leaves_a_whole_file_and_the_next_run_heals(
    second_built: Settings, tmp_path: Path, every: bool
) -> None:
    published = fresh(second_built, tmp_path / "published")
    crashing.ask_in_child(publishing, published)
    whole = fresh(published, tmp_path / "whole")
    boundaries = crashing.undisturbed(exporting, whole)
    assert any("rename to marts.duckdb" in b for b in boundaries)
    for number, _ in choose_boundaries(boundaries, every):
        spoilt = fresh(published, tmp_path / "spoilt")
        crashing.killed_at(number, exporting, spoilt)
        renamed = boundaries[:number].count("after rename to marts.duckdb")
        assert crashing.ask_in_child(exported, spoilt) == (((2,), (3, 2)) if renamed else ((1,), (2, 1)))
        crashing.ask_in_child(exporting, spoilt)
        assert crashing.ask_in_child(exported, spoilt) == ((2,), (3, 2))


@pytest.mark.parametrize("stage", [publishing, exporting])
def test_a_full_disk_is_an_error_and_readers_keep_the_last_release(
    second_built: Settings, tmp_path: Path, stage: Callable[[Settings], None]
) -> None:
    spoilt = fresh(second_built, tmp_path / "spoilt")
    if stage is exporting:
        crashing.ask_in_child(publishing, spoilt)
    assert crashing.on_a_full_disk(stage, spoilt)
    assert crashing.ask_in_child(seen, spoilt) == (OLD if stage is publishing else NEW)
    assert crashing.ask_in_child(exported, spoilt) == ((1,), (2, 1))
    crashing.ask_in_child(publishing, spoilt)
    crashing.ask_in_child(exporting, spoilt)
    assert crashing.ask_in_child(seen, spoilt) == NEW
    assert crashing.ask_in_child(exported, spoilt) == ((2,), (3, 2))


def test_two_publishes_at_once_make_one_release(second_built: Settings, tmp_path: Path) -> None:
    both = fresh(second_built, tmp_path / "both")
    assert crashing.at_once(publishing, both) == [0, 0]
    assert crashing.ask_in_child(seen, both) == NEW
