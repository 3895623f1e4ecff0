"""What a run asks of the ledger for each source is read once, and again as soon as anybody wrote to the lake."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.lake import catalogue as lake
from pipelines.releases import verify_quality
from pipelines.releases.verify_quality import SETTLED_NS, identify_catalogue, read_newest_record
from pipelines.settings import Settings
from tests.support.small_lake import release


@pytest.fixture
def opened(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A release of a while ago; how often its lake was opened since."""
    release(settings, [("a", 1)])
    monkeypatch.setattr(verify_quality, "_KEPT", {})
    monkeypatch.setattr(verify_quality, "SETTLED_NS", -1)
    places: list[Path] = []
    open_lake = lake.open_lake
    monkeypatch.setattr(
        lake, "open_lake", lambda one, **more: places.append(one.lake) or open_lake(one, **more)
    )
    return places


def test_the_ledger_is_read_once_for_all_sources(settings: Settings, opened: list[Path]) -> None:
    first, second = read_newest_record(settings), read_newest_record(settings)
    assert first is second and first is not None and first.release_id == 1
    assert len(opened) == 1


def test_it_is_read_again_after_a_release_and_after_a_foreign_write_of_the_same_size(
    settings: Settings, opened: list[Path]
) -> None:
    read_newest_record(settings)
    release(settings, [("a", 2)])
    record = read_newest_record(settings)
    assert record is not None and record.release_id == 2
    before, size = len(opened), lake.catalog_file(settings).stat().st_size
    with closing(sqlite3.connect(lake.catalog_file(settings))) as con:
        con.execute("update ducklake_snapshot_changes set author = 'forged' where snapshot_id = 1")
        con.commit()
    os.utime(
        lake.catalog_file(settings), ns=(0, 0)
    )  # whoever writes may set the time back, not that of the change
    assert lake.catalog_file(settings).stat().st_size == size
    read_newest_record(settings)
    assert len(opened) > before


def test_nothing_is_kept_while_a_write_may_hide_in_the_same_tick(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite"
    file.touch()
    assert SETTLED_NS > 2 * 10**9 and identify_catalogue(file) is None
    time.sleep(0.01)
    assert identify_catalogue(file) is None
