"""Drafts of killed processes go when the next run starts; those of a living one stay."""

from __future__ import annotations

import os
from pathlib import Path

from pipelines.runs.drafts import remove_drafts
from pipelines.settings import Settings

DEAD = 2**22 + 1  # more than a process number can be


def test_only_the_draft_of_a_process_that_is_gone_is_removed(settings: Settings) -> None:
    drafts = [
        settings.landing / "register/2025-08-06" / f".20250806T000000.{DEAD}.partial",
        settings.landing / "register/2025-08-06" / f".batch.json.{DEAD}.partial",
        settings.quality / "register/2025-08-06" / f".batch.accepted.parquet.{DEAD}.partial",
        settings.landing / "register/2025-08-06" / f".20250806T000001.{os.getpid()}.partial",
    ]
    batch = settings.landing / "register/2025-08-06/batch.json"
    for path in (*drafts, batch):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert remove_drafts(settings) == sorted(path.name for path in drafts[:3])
    assert [path for path in (*drafts, batch) if path.exists()] == [drafts[3], batch]
    assert remove_drafts(settings) == []


def test_what_a_killed_process_could_not_hold_in_memory_is_removed(settings: Settings) -> None:
    spilled = [settings.data / "duckdb_tmp" / f"{process}-0" / "rows.tmp" for process in (DEAD, os.getpid())]
    for path in spilled:
        path.parent.mkdir(parents=True)
        path.touch()
    assert remove_drafts(settings) == [f"{DEAD}-0"]
    assert [path.exists() for path in spilled] == [False, True]


def test_a_fresh_data_directory_has_none(tmp_path: Path) -> None:
    assert remove_drafts(Settings(data=tmp_path)) == []
