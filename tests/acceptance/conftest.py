"""The whole demo province, run once for every acceptance test."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.settings import Settings
from tests.conftest import Province, build_once


@pytest.fixture(scope="session")
def full_province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    def make(data: Path) -> None:
        Province(Settings(data=data)).thongsuot("demo")
        Province(Settings(data=data)).thongsuot("run")

    return Province(Settings(data=build_once(tmp_path_factory, "full", make)))
