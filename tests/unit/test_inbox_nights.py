"""An inbox over several nights: a refused delivery stops its own day alone, a withdrawn file stays out."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

import pipelines.night as night_module
from pipelines.landing.batches import Batch, find_newest_batches
from pipelines.landing.pull import land_partition
from pipelines.landing.withdrawals import WITHDRAWN, record_events
from pipelines.night import Night, land_source
from pipelines.quality.missing_days import find_missing_days
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused, SourceError
from tests.unit.files_support import DAY
from tests.unit.inbox_support import NEXT, drop, inbox_source, land, lying


def night_of(settings: Settings, *days: date) -> tuple[Night, Source]:
    """A source of whole lists: a key may not come twice in one."""
    one = inbox_source(date_in_name="%Y%m%d", partitioning="whole_table", several_files="together")
    contracts: Any = SimpleNamespace(sources={one.name: one})
    return Night(settings, contracts, run_id="t", days=days), one


def test_a_file_refused_after_it_was_read_is_set_aside_and_the_other_days_are_landed(
    settings: Settings,
) -> None:
    """Two keys alike on the 6th, one file corrected later under another name; the 7th is in order."""
    night, one = night_of(settings, DAY, NEXT)
    drop(settings, "so-20250806.csv", "1", "1")
    drop(settings, "so-20250807.csv", "2")
    with pytest.raises(DeliveryRefused, match=r"2025-08-06: .*set aside in .refused/\w{12}/") as error:
        land_source(night, one)
    assert "2025-08-07" not in str(error.value)
    assert sorted(Path(p).name for p in lying(settings, "inbox")) == ["reason.txt", "so-20250806.csv"]
    assert set(find_newest_batches(settings.landing, one.name)) == {"2025-08-07"}
    assert find_missing_days(one, [DAY, NEXT], settings) == []
    drop(settings, "dung-20250806.csv", "1", "3")
    assert [batch.partition for batch in land_source(night, one).batches] == ["2025-08-06"]


def test_every_day_that_was_refused_is_named_and_so_is_what_ended_the_pull(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = date(2025, 8, 8)
    night, one = night_of(settings, DAY, NEXT, last)
    for day in ("20250806", "20250807"):
        drop(settings, f"so-{day}.csv", "1", "1")
    drop(settings, "so-20250808.csv", "1")
    pull = night_module.land_partition

    def fail_on_the_last(source: Source, day: date, *args: Any, **options: Any) -> Batch:
        if day == last:
            raise SourceError("register 2025-08-08: the network is down")
        return pull(source, day, *args, **options)

    monkeypatch.setattr(night_module, "land_partition", fail_on_the_last)
    with pytest.raises(DeliveryRefused, match=r"2025-08-06: (.|\n)*2025-08-07: (.|\n)*the network is down"):
        land_source(night, one)


def withdraw_newest(settings: Settings, one: Source) -> None:
    batch = find_newest_batches(settings.landing, one.name)[str(DAY)]
    record_events(settings.landing, WITHDRAWN, [batch], "Nguyễn A", "gửi nhầm")


def test_a_withdrawn_file_is_not_landed_again_with_the_next_one_unless_that_is_asked_for(
    settings: Settings,
) -> None:
    """The day's first file is in order, the second is withdrawn with its batch, the third corrects it."""
    one = inbox_source()
    drop(settings, "a.csv", "1")
    assert land(settings, one) == ["1"]
    drop(settings, "b.csv", "wrong")
    assert land(settings, one) == ["1", "wrong"]
    withdraw_newest(settings, one)
    drop(settings, "c.csv", "2")
    assert land(settings, one) == ["1", "2"]
    batch = land_partition(one, DAY, settings, run_id="t", again=True)
    assert pq.read_table(batch.path)["code"].to_pylist() == ["1", "wrong", "2"]


def test_what_was_withdrawn_hides_no_earlier_file_of_its_name(settings: Settings) -> None:
    one = inbox_source()
    drop(settings, "a.csv", "1")
    land(settings, one)
    drop(settings, "a.csv", "wrong")
    land(settings, one)
    withdraw_newest(settings, one)
    drop(settings, "c.csv", "2")
    assert land(settings, one) == ["1", "2"]


def test_a_withdrawn_file_that_is_dropped_once_more_is_landed_once_more(settings: Settings) -> None:
    """The bytes are the same: the mapping was at fault, and was corrected."""
    one = inbox_source()
    drop(settings, "a.csv", "1")
    land(settings, one)
    withdraw_newest(settings, one)
    assert find_missing_days(one, [DAY], settings) == []
    drop(settings, "a.csv", "1")
    assert find_missing_days(one, [DAY], settings) == [DAY]
    assert land(settings, one) == ["1"]
    assert find_missing_days(one, [DAY], settings) == [] and lying(settings, "inbox") == []
