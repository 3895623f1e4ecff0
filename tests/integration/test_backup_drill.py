"""The drill after a week: the disk is lost, the backup becomes an installation again, and the next night runs on it.

By `make test-full`: every run does it after one night (test_next_night).
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.operations.backup import back_up
from pipelines.operations.restore_backup import restore_backup
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from tests import crashing
from tests.nights import run_night
from tests.support.copies import copy_installation


def run_next_night(settings: Settings) -> None:
    """The day that was pulled last, once more, and an export."""
    run_night(settings, "2025-08-07", build=build_models)


@pytest.mark.slow
@pytest.mark.full
def test_a_province_whose_disk_was_lost_goes_on_with_its_chain(week: Settings, tmp_path: Path) -> None:
    copy_installation(week.data, tmp_path / "data")
    settings = replace(week, data=tmp_path / "data", sources_file=tmp_path / "data" / "sources.yaml")
    manifest = back_up(settings, tmp_path / "backup")
    assert manifest.findings == [] and manifest.releases == 8
    with open_lake(settings) as con:
        before = list_releases(con)
    shutil.rmtree(settings.data)

    _, verification = restore_backup(settings, tmp_path / "backup")
    assert not verification.findings and verification.head == manifest.head
    crashing.ask_in_child(run_next_night, settings)
    with open_lake(settings) as con:
        after = list_releases(con)
    assert after[: len(before)] == before
    assert not verify_releases(settings).findings
