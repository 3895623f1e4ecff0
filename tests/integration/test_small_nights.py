"""Nights after the first one of the small province: nothing new, a day again, all built anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.landing.batches import find_newest_batches
from pipelines.night import build, publish_release
from pipelines.releases.publish import Publication
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from tests import crashing, nights
from tests.conftest import Province
from tests.support.asking import ask_lake
from tests.support.compiled import build_by_dbt
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow


def copied(province: Province, compiled: Settings, data: Path) -> Province:
    """What dbt parsed is there, compiled where the environment could not keep that."""
    copy_installation(province.settings.data, data, "dbt")
    settings = Settings(data=data)
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    return Province(settings)


@pytest.fixture
def province(small_province: Province, compiled: Settings, tmp_path: Path) -> Province:
    """A copy that a test may change."""
    return copied(small_province, compiled, tmp_path / "data")


def read_mart_hashes(province: Province) -> dict[str, str]:
    """mart → content hash in the newest release, audit tables aside (they name the batches)."""
    with open_lake(province.settings) as con:
        marts = ledger.list_releases(con)[-1].marts
    return {name: m.sha256 for name, m in marts.items() if name.startswith("marts.")}


def build_again(settings: Settings) -> Publication:
    night = nights.night_of(settings, build=build_by_dbt)
    build(night)
    return publish_release(night)


def test_a_second_night_publishes_nothing_and_says_why(province: Province) -> None:
    """The first was built from compiled SQL, this one by dbt itself: they agree in every table."""
    publication = crashing.ask_in_child(build_again, province.settings)
    assert not publication.is_new and "same content" in publication.why
    assert ask_lake(province, "select count(*) from lake.audit.releases") == [(1,)]


def pull_again(settings: Settings, day: str) -> None:
    nights.run_night(settings, day, build=build_models, exports=())


def test_a_day_pulled_again_makes_a_new_batch_and_moves_no_number(province: Province) -> None:
    before, old = (
        read_mart_hashes(province),
        find_newest_batches(province.settings.landing, "dossier_log")["2025-07-15"],
    )
    crashing.ask_in_child(pull_again, province.settings, "2025-07-15")
    fresh = find_newest_batches(province.settings.landing, "dossier_log")["2025-07-15"]
    assert fresh.batch_id != old.batch_id and fresh.rows == old.rows
    assert read_mart_hashes(province) == before
    current = ask_lake(
        province, "select count(*) from lake.audit.batches where source = 'dossier_log' and is_current"
    )
    assert current == [(67,)]


def run_models(settings: Settings) -> None:
    nights.run_night(settings, "-", build=build_models)


def test_everything_but_landing_can_be_dropped_and_comes_back_the_same(province: Province) -> None:
    before, quality = read_mart_hashes(province), province.settings.quality
    for part in ("quality", "lake", "dbt", "exports"):
        shutil.rmtree(province.settings.data / part)
    province.settings.warehouse.unlink()
    crashing.ask_in_child(run_models, province.settings)
    assert len(list((quality / "dossier_log").iterdir())) == 67
    assert read_mart_hashes(province) == before
