"""The suite's folders: in memory where there is room, where programs may lie and one may write; else on the disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.support import temp_root
from tests.support.temp_root import ENOUGH_BYTES, choose_root

DISK = Path(tempfile.gettempdir())


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temp_root, "ENOUGH_BYTES", 1000)


def test_memory_is_taken_where_both_have_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_root(tmp_path, available=1000) == tmp_path
    assert choose_root(tmp_path, available=999) == DISK
    monkeypatch.setattr(temp_root, "ENOUGH_BYTES", 1 << 60)  # more than any disk has
    assert choose_root(tmp_path, available=1 << 61) == DISK


def test_a_place_that_is_not_there_or_holds_no_programs_is_not_taken(tmp_path: Path) -> None:
    assert choose_root(tmp_path / "none", available=ENOUGH_BYTES) == DISK
    assert choose_root(Path("/proc"), available=ENOUGH_BYTES) == DISK
