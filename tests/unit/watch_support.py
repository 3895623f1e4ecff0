"""An installation of which nothing is wrong, as the watch sees it, and its looks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.operations.incidents import Incident
from pipelines.operations.records import LastBackup, record_backup, record_verification
from pipelines.operations.state import read_state
from pipelines.operations.thresholds import Thresholds
from pipelines.operations.view import View
from pipelines.operations.watch import look
from pipelines.releases import publish as publishing
from pipelines.settings import LOCAL_ZONE, Settings
from tests.support.small_lake import (
    build,
    deliver,
)


@pytest.fixture(scope="module")
def one_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("watched"))
    build(settings, [("a", 1)])
    publishing.publish(settings, run_id="run", author="night", reason="night")
    return settings


@pytest.fixture
def installation(
    one_release: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    """One release made now, verified and backed up now, with a fresh delivery: nothing is wrong."""
    settings = Settings(data=tmp_path / "data")
    shutil.copytree(one_release.data, settings.data, symlinks=True)
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    record_verification(settings, [], "head")
    record_backup(settings, LastBackup(str(now()), "/backup", True, 1))
    deliver(settings)
    yield settings


def now() -> datetime:
    return datetime.now(LOCAL_ZONE).replace(tzinfo=None)


def quiet_limits() -> Thresholds:
    """Nothing about this machine's disk, and an hour of release that today's has kept."""
    return Thresholds(free_share=0.0001)


def look_at(
    settings: Settings, at: datetime | None = None, thresholds: Thresholds | None = None
) -> tuple[dict[str, Incident], set[str]]:
    return look(View(settings, thresholds or quiet_limits(), at or now(), read_state(settings)))


def see(settings: Settings, at: datetime | None = None, thresholds: Thresholds | None = None) -> set[str]:
    return set(look_at(settings, at, thresholds)[0])
