"""Publishing to servers, and moving there, killed at each kind of boundary: one whole release, and the next heals."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from pipelines.operations.migrate_lake import migrate_lake
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests import crashing
from tests.integration.test_crash_release import NEW, OLD, healed, publishing, seen
from tests.support.boundaries import choose_boundaries
from tests.support.servers import Bucket, lay_out_servers, serve_bucket
from tests.support.small_lake import built_night, night

pytestmark = [pytest.mark.slow, pytest.mark.full]


class Installation(NamedTuple):
    """`before`: a copy of its data directory and its bucket; the database has a template of the same state."""

    settings: Settings
    bucket: Bucket
    maintenance: str
    before: Path

    def keep(self) -> None:
        shutil.copytree(self.settings.data, self.before / "data", symlinks=True)
        shutil.copytree(self.bucket.folder, self.before / "bucket")
        self._execute("create database crash_before template crash")

    def put_back(self) -> None:
        for folder, kept in ((self.settings.data, "data"), (self.bucket.folder, "bucket")):
            shutil.rmtree(folder)
            shutil.copytree(self.before / kept, folder, symlinks=True)
        self.bucket.notice_changes()
        self._execute(
            "drop database if exists crash with (force)", "create database crash template crash_before"
        )

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self.maintenance, autocommit=True) as pg:
            for statement in statements:
                pg.execute(statement)


@pytest.fixture
def installation(tmp_path: Path, postgres_server: str) -> Iterator[Installation]:
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        for name in ("crash", "crash_before"):
            pg.execute(f"drop database if exists {name} with (force)")
        pg.execute("create database crash")
    with serve_bucket(tmp_path / "buckets" / "province") as bucket:
        servers = lay_out_servers(postgres_server.replace("/postgres?", "/crash?"), bucket, "lake")
        settings = Settings(data=tmp_path / "data", lake_servers=servers)
        settings.data.mkdir()
        yield Installation(settings, bucket, postgres_server, tmp_path / "before")


def bring_up(settings: Settings) -> None:
    night(settings, 1)
    built_night(settings, 2)


def test_a_publish_killed_at_any_kind_of_boundary_leaves_one_whole_release(
    installation: Installation,
) -> None:
    settings = installation.settings
    crashing.ask_in_child(bring_up, settings)
    installation.keep()
    boundaries = crashing.undisturbed(publishing, settings)
    expected = crashing.ask_in_child(healed, settings)
    assert expected[0] == NEW and len(boundaries) > 10
    committed, _ = [number for number, name in enumerate(boundaries, 1) if name == "after commit"][-2:]
    for number, name in choose_boundaries(boundaries, every=False):
        installation.put_back()
        crashing.killed_at(number, publishing, settings)
        assert crashing.ask_in_child(seen, settings) == (NEW if number >= committed else OLD), name
        assert crashing.ask_in_child(healed, settings) == expected, name
    assert crashing.ask_in_child(verify_releases, settings).findings == []


def test_a_move_killed_at_any_kind_of_boundary_is_begun_again(installation: Installation) -> None:
    settings = installation.settings
    local = replace(settings, lake_servers=None)
    crashing.ask_in_child(night, local, 1)
    head = crashing.ask_in_child(verify_releases, local).head
    installation.keep()
    boundaries = crashing.undisturbed(migrate_lake, settings)
    for number, name in choose_boundaries(boundaries, every=False):
        installation.put_back()
        crashing.killed_at(number, migrate_lake, settings)
        if (settings.lake / "catalog.sqlite").exists():
            assert crashing.ask_in_child(verify_releases, local).head == head, name
            assert crashing.ask_in_child(migrate_lake, settings).head == head, name
        verification = crashing.ask_in_child(verify_releases, settings)
        assert (verification.findings, verification.head) == ([], head), name
