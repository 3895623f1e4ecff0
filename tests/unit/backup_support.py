"""An installation with one release, to be backed up: shared by the tests of backups."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines.settings import Settings
from tests.support.small_lake import deliver, release


@pytest.fixture(scope="module")
def one_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("release") / "data")
    settings.data.mkdir()
    release(settings, [("a", 1), ("b", 2)])
    deliver(settings)
    return settings


@pytest.fixture
def installation(one_release: Settings, tmp_path: Path) -> Settings:
    """The same, free to be spoilt."""
    shutil.copytree(one_release.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")
