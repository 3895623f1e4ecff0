"""Jobs that people ask for, and a schedule that makes up for what the machine slept through, once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.addresses import LakeServers
from pipelines.landing.batches import write_batch
from pipelines.settings import LOCAL_ZONE, ONLY_MISSING_TAG, Settings
from pipelines.warehouse.moment import MomentRefused

CUTOFF = "2025-08-06 16:00:00"


@pytest.fixture(scope="module")
def definitions(compiled: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Loaded in this process, unless another module did, on an empty data directory with dbt's manifest."""
    settings = Settings(data=tmp_path_factory.mktemp("jobs"))
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    os.environ.update(settings.child_environment())
    settings.dagster.mkdir()
    import pipelines.definitions as module

    yield module.defs


def land_cutoffs(landing: Path) -> None:
    row = {
        "cutoff_at": CUTOFF,
        "period_start": "2025-07-01 00:00:00",
        "label_vi": "Mốc",
        "label_en": "Cut-off",
    }

    def write(out: Path) -> tuple[str, tuple[str, ...]]:
        pq.write_table(pa.Table.from_pylist([row]), out)
        return "by hand", ()

    write_batch(landing, "reference_reporting_cutoffs", "2025-08-06", write, run_id="t")


def test_every_job_that_people_ask_for_is_there_and_says_what_it_is_for_in_two_languages(
    definitions: Any,
) -> None:
    expected = {"nightly", "backfill", "revalidate", "publish_only", "cutoff_report", "withdraw", "accept_held",
                "restore", "verify"}  # fmt: skip
    jobs = {job.name: job for job in definitions.resolve_all_job_defs()}
    assert expected <= set(jobs)
    assert [name for name in expected if not (jobs[name].description or "").strip()] == []
    for schedule in definitions.schedules:
        assert any(ord(c) > 0x1E00 for c in schedule.description or ""), schedule.name


def tick(definitions: Any, instance: Any, moment: str) -> Any:
    from dagster import build_schedule_context

    (schedule,) = [one for one in definitions.schedules if one.name == "nightly_schedule"]
    at = datetime.fromisoformat(moment).replace(tzinfo=LOCAL_ZONE)
    with build_schedule_context(instance=instance, scheduled_execution_time=at) as context:
        return schedule.evaluate_tick(context)


def test_a_machine_that_was_off_makes_up_for_every_missed_night_once(
    definitions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dagster import DagsterInstance

    from pipelines.defs import schedules

    # The demo's last day would end every range.
    monkeypatch.setattr(schedules, "LAST_DAY", None)
    with DagsterInstance.get() as instance:
        (first,) = tick(definitions, instance, "2025-07-02 00:30").run_requests
        assert range_of(first) == ("2025-07-01", "2025-07-01")
        remember(instance, first)
        # Off from the 3rd to the 9th; Dagster looks at the last missed tick alone.
        (makeup,) = tick(definitions, instance, "2025-07-09 00:30").run_requests
        assert range_of(makeup) == ("2025-07-02", "2025-07-08")
        assert makeup.tags[ONLY_MISSING_TAG] == "true" and makeup.run_key == "2025-07-08"
        remember(instance, makeup)
        again = tick(definitions, instance, "2025-07-09 00:30")
        assert not again.run_requests and "2025-07-08 was asked for already" in again.skip_message
        (next_night,) = tick(definitions, instance, "2025-07-10 00:30").run_requests
        assert range_of(next_night) == ("2025-07-09", "2025-07-09")


def range_of(request: Any) -> tuple[str, str]:
    return request.tags["dagster/asset_partition_range_start"], request.tags[
        "dagster/asset_partition_range_end"
    ]


def remember(instance: Any, request: Any) -> None:
    """The run as Dagster's scheduler stores it, failed or not."""
    from dagster import DagsterRun

    tags = {**request.tags, "dagster/schedule_name": "nightly_schedule"}
    instance.add_run(DagsterRun(job_name="nightly", tags=tags))


def test_a_cutoff_is_chosen_from_the_list_that_was_landed(tmp_path: Path) -> None:
    from pipelines.defs.cutoff import describe_choice, list_cutoffs

    assert list_cutoffs(tmp_path) == {} and describe_choice({}) is str
    land_cutoffs(tmp_path)
    assert list_cutoffs(tmp_path) == {CUTOFF: "Mốc · Cut-off"}
    choice = describe_choice(list_cutoffs(tmp_path))
    assert [(value.config_value, value.description) for value in choice.enum_values] == [
        (CUTOFF, "Mốc · Cut-off")
    ]


def test_the_form_of_a_cutoff_is_two_fields_and_who_asks(definitions: Any) -> None:
    from dagster import DagsterInvalidConfigError, validate_run_config

    job = definitions.resolve_job_def("cutoff_report")
    assert validate_run_config(job, {"moment": CUTOFF, "author": "Nguyễn Văn A"})
    with pytest.raises(DagsterInvalidConfigError, match="moments"):
        validate_run_config(job, {"moments": CUTOFF})


def test_the_form_says_as_of_and_who_asked() -> None:
    from pipelines.defs.cutoff import configure_ops

    steps = configure_ops({"moment": "2025-08-06"})["ops"]
    assert steps["warehouse"]["config"] == {"as_of": "2025-08-06 23:59:59"}
    assert steps["release"]["config"] == {"author": "cutoff_report", "reason": "cut-off 2025-08-06 23:59:59"}
    for form in ({}, {"cutoff": CUTOFF, "moment": CUTOFF}, {"moment": "2999-01-01"}, {"moment": "today"}):
        with pytest.raises(MomentRefused):
            configure_ops(form)


def test_no_step_pulls_or_builds_where_the_settings_name_another_lake_than_that_of_the_releases(
    definitions: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from dagster import Failure, build_asset_context

    from pipelines.defs import common

    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "catalog.sqlite").touch()
    elsewhere = Settings(data=tmp_path, lake_servers=LakeServers("postgresql://127.0.0.1:9/lake"))
    monkeypatch.setattr(common, "SETTINGS", elsewhere)
    with (
        build_asset_context() as context,
        pytest.raises(Failure, match="`thongsuot migrate lake`") as failure,
    ):
        common.night_of(context)
    assert not failure.value.allow_retries
