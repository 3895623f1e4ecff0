"""The small province loses its disk, comes back from its backup, and has its next night while readers read.

What the readers see (`make bench` has eight, and what they wait), what the night adds, and a chain that goes on.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import NamedTuple

import psycopg
import pytest

from benchmarks.readers import READERS, Seen, run_watched
from pipelines.exports.postgres.export import load_postgres
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release, list_releases
from pipelines.operations.backup import back_up
from pipelines.operations.backup_store import Manifest
from pipelines.operations.restore_backup import restore_backup
from pipelines.releases.verify import Verification, verify_releases
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from tests import crashing
from tests.conftest import Province
from tests.nights import run_night
from tests.support.asking import ask_lake, read_manifest
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow


class NextNight(NamedTuple):
    """The province after it; `seen`: by the readers meanwhile; the rest is of before it."""

    province: Province
    seen: list[Seen]
    releases: list[Release]
    backup: Manifest
    restored: Verification


def run_next_night(settings: Settings) -> None:
    run_night(settings, "2025-08-07", build=build_models, exports=("marts_duckdb", "postgres"))


def read_ledger(settings: Settings) -> list[Release]:
    with open_lake(settings) as con:
        return list_releases(con)


@pytest.fixture(scope="module")
def next_night(
    small_province: Province, compiled: Settings, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> NextNight:
    folder = tmp_path_factory.mktemp("next")
    copy_installation(small_province.settings.data, folder / "data", "dbt")
    settings = replace(small_province.settings, data=folder / "data", postgres_url=postgres)
    before = read_ledger(settings)
    backup = back_up(settings, folder / "backup")
    shutil.rmtree(settings.data)
    _, restored = restore_backup(settings, folder / "backup")
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    load_postgres(settings)

    def run() -> float:
        crashing.ask_in_child(run_next_night, settings)
        return 0

    _, seen = run_watched(str(settings.data), postgres, run, kinds=sorted(set(READERS)))
    return NextNight(Province(settings), seen, before, backup, restored)


def test_a_province_whose_disk_was_lost_goes_on_with_its_chain(next_night: NextNight) -> None:
    assert next_night.backup.findings == [] == next_night.restored.findings
    assert next_night.backup.releases == 1 and next_night.restored.head == next_night.backup.head
    assert read_ledger(next_night.province.settings)[:-1] == next_night.releases
    assert verify_releases(next_night.province.settings).findings == []


def test_readers_meet_no_error_and_no_mixture_and_postgres_got_the_difference(next_night: NextNight) -> None:
    settings = next_night.province.settings
    assert {reader.kind for reader in next_night.seen} == set(READERS)
    for reader in next_night.seen:
        assert (reader.errors, reader.mixed) == ([], [])
        assert reader.releases == {1, 2}, reader.kind
    assert settings.postgres_url
    with psycopg.connect(settings.postgres_url) as pg:
        loads = pg.execute("select release_id, how from marts.releases order by loaded_at").fetchall()
    assert loads == [(1, "compared in full"), (2, "difference from 1")]
    assert not load_postgres(settings, compare_all=True).rewritten, (
        "the difference made it equal, row for row"
    )


def test_two_marts_count_the_same_dossiers(next_night: NextNight) -> None:
    counted = "select sum(received) from lake.marts.submission_by_channel_daily"
    listed = "select count(*) from lake.marts.dossier_register where is_received"
    for release in read_ledger(next_night.province.settings):
        then = f"at (version => {release.snapshot_id})"
        assert ask_lake(next_night.province, f"{counted} {then}") == ask_lake(
            next_night.province, listed.replace(" where", f" {then} where")
        )


def test_late_arrivals_of_the_next_day_are_counted_where_they_belong(next_night: NextNight) -> None:
    planted = read_manifest(next_night.province)
    headline = (
        "select received from lake.marts.online_submission_headline {} "
        "where cutoff_at = timestamp '2025-08-06 16:00:00'"
    )
    on_time, late = planted["calibrated"]["received"], planted["one_stop"]["late_dossiers"]
    assert late > 0 and ask_lake(next_night.province, headline.format("")) == [(on_time + late,)]
    # and the number published the day before can still be read
    first = ask_lake(next_night.province, "select snapshot_id from lake.audit.releases where release_id = 1")
    assert ask_lake(next_night.province, headline.format(f"at (version => {first[0][0]})")) == [(on_time,)]
