"""The whole demo province, run once for every acceptance test."""

from __future__ import annotations

import pytest

from pipelines.settings import Settings
from tests.conftest import Province


@pytest.fixture(scope="session")
def full_province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    province = Province(Settings(data=tmp_path_factory.mktemp("full")))
    province.thongsuot("demo")
    province.thongsuot("run")
    return province
