"""What a pull says to the log, and what it asks of a connector."""

from __future__ import annotations

import logging

import pytest

from pipelines.landing.batches import find_newest_batch
from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.errors import NotProvided
from tests.unit.files_support import DAY, put, source


def test_a_landed_batch_is_logged_with_source_partition_and_batch(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    put(settings, f"{DAY}.csv", "Mã;Nội dung;Lạ\n1;đất;x\n".encode())
    with caplog.at_level(logging.INFO, logger="pipelines"):
        batch = land_partition(source(), DAY, settings, run_id="r")
    first, *notes = caplog.records
    assert first.getMessage() == "landed"
    assert first.fields == {  # type: ignore[attr-defined]
        "source": "register",
        "partition": DAY,
        "batch": batch.batch_id,
        "rows": 1,
    }
    assert [record.getMessage() for record in notes] == list(batch.notes)
    assert all(record.levelno == logging.WARNING for record in notes)


def test_a_day_without_a_delivery_is_logged_and_raised(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="pipelines"), pytest.raises(NotProvided):
        land_partition(source(), DAY, settings, run_id="r")
    assert [record.getMessage() for record in caplog.records] == ["not provided"]


def test_the_newest_batch_of_a_partition_is_the_one_pulled_last(settings: Settings) -> None:
    assert find_newest_batch(settings.landing, "register", str(DAY)) is None
    put(settings, f"{DAY}.csv", "Mã;Nội dung\n1;đất\n".encode())
    land_partition(source(), DAY, settings, run_id="r")
    second = land_partition(source(), DAY, settings, run_id="r")
    assert find_newest_batch(settings.landing, "register", str(DAY)) == second
