"""The sensor of an inbox: a file that rests asks for its day, once; what was set aside is shown."""

from __future__ import annotations

import os
import time

import dagster as dg
import pytest

from pipelines.settings import Settings
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.files import inbox
from tests.unit.inbox_support import NOON, drop, inbox_source, land


@pytest.fixture(scope="module")
def looking():
    """Definitions load once (it takes seconds); each test has a source and a data directory of its own."""
    from pipelines.defs.sensors import inbox_sensor

    job = dg.define_asset_job("any", selection="landing/issue_register")
    return lambda one, settings: inbox_sensor(one, job, settings)


def tick(sensor: dg.SensorDefinition, cursor: str | None = None) -> tuple[list[dg.RunRequest], str, str]:
    with dg.DagsterInstance.ephemeral() as instance:
        result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    skip = result.skip_reason
    return list(result.run_requests or []), str(result.cursor), str(skip.skip_message if skip else "")


def test_a_file_that_rested_between_two_looks_asks_for_its_day_once(settings: Settings, looking) -> None:
    sensor = looking(inbox_source(), settings)
    drop(settings, "a.csv", "1")
    requests, cursor, reason = tick(sensor)
    assert requests == [] and "taken when they rest" in reason
    requests, cursor, _ = tick(sensor, cursor)
    assert [r.partition_key for r in requests] == ["2025-08-06"]
    again, _, _ = tick(sensor, cursor)
    assert again[0].run_key == requests[0].run_key  # Dagster starts a run key once
    land(settings, inbox_source())
    assert tick(sensor, cursor)[0] == []


def test_a_file_that_grows_between_two_looks_waits_and_new_content_is_a_new_run(
    settings: Settings, looking
) -> None:
    sensor = looking(inbox_source(), settings)
    drop(settings, "a.csv", "1")
    _, cursor, _ = tick(sensor)
    drop(settings, "a.csv", "1", "2")
    requests, cursor, _ = tick(sensor, cursor)
    assert requests == []
    first, cursor, _ = tick(sensor, cursor)
    drop(settings, "b.csv", "3")
    _, cursor, _ = tick(sensor, cursor)
    second, _, _ = tick(sensor, cursor)
    assert len(first) == len(second) == 1 and first[0].run_key != second[0].run_key


def test_a_file_of_a_day_that_is_not_over_waits_for_the_night(settings: Settings, looking) -> None:
    sensor = looking(inbox_source(quiet_seconds=0), settings)
    drop(settings, "a.csv", "1", at=time.time() - 1)
    _, cursor, _ = tick(sensor)
    requests, _, reason = tick(sensor, cursor)
    assert requests == [] and "taken when that day is over" in reason


def test_what_was_set_aside_is_shown_at_every_look(settings: Settings, looking) -> None:
    bad = drop(settings, "bad.csv")
    bad.write_bytes(b"")
    os.utime(bad, (NOON, NOON))
    with pytest.raises(PermanentSourceError):
        land(settings, inbox_source())
    assert "set aside: bad.csv" in tick(looking(inbox_source(), settings))[2]


def test_what_was_set_aside_and_moved_back_is_tried_again(settings: Settings, looking) -> None:
    sensor = looking(inbox_source(), settings)
    bad = drop(settings, "bad.csv")
    bad.write_bytes(b"")
    os.utime(bad, (NOON, NOON))
    first, *_ = tick(sensor, tick(sensor)[1])
    with pytest.raises(PermanentSourceError):
        land(settings, inbox_source())
    ((aside, _),) = inbox.list_refused(inbox_source(), settings)
    aside.rename(bad)
    again, *_ = tick(sensor, tick(sensor)[1])
    assert [r.partition_key for r in first + again] == ["2025-08-06"] * 2
    assert first[0].run_key != again[0].run_key  # else Dagster would never start it
