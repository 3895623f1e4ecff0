"""A data directory of an older format, made by the code of then (tests/upgrades/make.sh), goes on with today's.

A small province and three of its days: a release, one a night later, and a third that a person accepted after the gate
held it, for a batch had been withdrawn.
"""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from pipelines import data_format
from pipelines.data_format import FORMAT, FormatRefused, read_format, upgrade_format
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release, list_kept, list_releases
from pipelines.landing.batches import find_newest_batch
from pipelines.landing.withdrawals import find_withdrawn, list_withdrawals
from pipelines.releases.holds import list_holds
from pipelines.releases.verify import Verification, verify_releases
from pipelines.settings import PROJECT, Settings
from pipelines.warehouse.data_tests import build_models
from tests import crashing
from tests.conftest import generate_demo
from tests.nights import run_night

pytestmark = pytest.mark.slow

ARCHIVE = PROJECT / "tests" / "upgrades" / "province1.tar.xz"
SCALE = 0.0025
# What `thongsuot releases list` and `held` of then said.
HASHES = [
    "f0d94da5d7b3e50702a85ce63df358e40e3794cc151628c531cf00982314f6c4",
    "def309910204ffcd55a70b79b7f5181e592c044e4b536f71fa0d9df4b612960e",
    "e08891e85431947372f10f0e74d3fc2ea743fefbab549a9a51184279b0530d60",
]
RECEIVED = {2: 161, 3: 89}


class Upgrade(NamedTuple):
    """`files`: path → SHA-256 of what had been landed; `verification`: of the directory as it came."""

    settings: Settings
    files: dict[str, str]
    verification: Verification
    releases: list[Release]


def hash_files(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def read_ledger(settings: Settings) -> list[Release]:
    with open_lake(settings) as con:
        return list_releases(con)


def live_on(settings: Settings) -> None:
    generate_demo(settings.data / "demo", SCALE)
    run_night(settings, "2025-08-06", build=build_models)


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    settings = Settings(data=tmp_path_factory.mktemp("upgrade"))
    with tarfile.open(ARCHIVE) as archive:
        # Releases of Python before 3.11.4 know no filter; the archive is ours.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(settings.data)
    before = Upgrade(settings, hash_files(settings.landing), verify_releases(settings), read_ledger(settings))
    assert read_format(settings.data) == 1
    assert upgrade_format(settings) == list(range(1, FORMAT)) and read_format(settings.data) == FORMAT
    crashing.ask_in_child(live_on, settings)
    return before


def test_the_chain_of_then_is_whole_and_goes_on(upgrade: Upgrade) -> None:
    assert [release.release_hash for release in upgrade.releases] == HASHES
    assert upgrade.verification.findings == []
    *earlier, newest = read_ledger(upgrade.settings)
    assert earlier == upgrade.releases and newest.release_id == 4
    verification = verify_releases(upgrade.settings)
    assert verification.findings == [] and verification.releases == verification.kept == 4


def test_each_release_of_then_still_says_what_it_said(upgrade: Upgrade) -> None:
    """The contents themselves are hashed by `verify`; this is a figure that the code of then printed."""
    with open_lake(upgrade.settings) as con:
        chain = list_releases(con)
        received = {
            release.release_id: con.execute(
                f"select count(*) from lake.marts.dossier_register at (version => {release.snapshot_id}) "
                "where is_received"
            ).fetchone()
            for release in list_kept(con, chain)
        }
    for number, rows in RECEIVED.items():
        assert received[number] == (rows,)


def test_what_was_landed_withdrawn_and_accepted_survives(upgrade: Upgrade) -> None:
    landing = upgrade.settings.landing
    after = hash_files(landing)
    assert upgrade.files.items() <= after.items()
    assert all(
        "/2025-08-06/" in name or name.startswith("ref") for name in after.keys() - upgrade.files.keys()
    )
    (event,) = list_withdrawals(landing)
    assert event.author == "Nguyễn Văn A" and find_withdrawn(landing) == {("dossier_log", event.batch_id)}
    with open_lake(upgrade.settings) as con:
        (hold,) = list_holds(con)
    assert hold.closed and hold.closed.author == "Trần Thị B"
    assert find_newest_batch(landing, "dossier_log", "2025-08-06")


def test_code_of_before_refuses_it_in_words(upgrade: Upgrade, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the check as it stands since there is a record, which the code of format 1 had not."""
    files = hash_files(upgrade.settings.data)
    monkeypatch.setattr(data_format, "FORMAT", FORMAT - 1)
    words = rf"format {FORMAT}, written by thongsuot .* up to {FORMAT - 1}: install .* restore a backup"
    with pytest.raises(FormatRefused, match=words):
        upgrade_format(upgrade.settings)
    assert hash_files(upgrade.settings.data) == files
