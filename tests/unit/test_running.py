"""A killed run does not keep the warehouse from the next one."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus, DefaultSensorStatus, build_sensor_context

from pipelines.runs.alive import clear, running
from pipelines.settings import Settings

POOL, DEAD, LIVING = (
    "warehouse",
    "11111111-1111-4111-8111-111111111111",
    "22222222-2222-4222-8222-222222222222",
)


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> DagsterInstance:
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    settings.dagster.mkdir(parents=True)
    return DagsterInstance.get()


def claimed(instance: DagsterInstance, run_id: str) -> bool:
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    return instance.event_log_storage.claim_concurrency_slot(POOL, run_id, "publish").is_claimed


def dies_holding_the_pool(data: Path) -> None:
    settings = Settings(data=data)
    os.environ.update(settings.child_environment())
    instance = DagsterInstance.get()
    instance.create_run(
        job_name="nightly", run_id=DEAD, run_config={}, status=DagsterRunStatus.STARTED, tags={},
        root_run_id=None, parent_run_id=None, step_keys_to_execute=None, execution_plan_snapshot=None,
        job_snapshot=None, parent_job_snapshot=None, asset_selection=None, asset_check_selection=None,
        resolved_op_selection=None, op_selection=None, remote_job_origin=None, job_code_origin=None,
        asset_graph=None,
    )  # fmt: skip
    with running(settings, instance, DEAD):
        assert claimed(instance, DEAD)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def killed(settings: Settings, instance: DagsterInstance) -> None:
    """A run in a process of its own, killed while it held the warehouse."""
    process = multiprocessing.get_context("spawn").Process(
        target=dies_holding_the_pool, args=(settings.data,)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not claimed(instance, LIVING)


def by_the_next_run(settings: Settings, instance: DagsterInstance) -> None:
    assert clear(settings, instance) == [DEAD]


def by_the_daemon(settings: Settings, instance: DagsterInstance) -> None:
    """Where nobody starts a run by hand: the sensor that Dagster's daemon asks every minute."""
    from pipelines.defs.killed import killed_sensor

    look = killed_sensor(settings)
    assert look.default_status is DefaultSensorStatus.RUNNING
    with build_sensor_context(instance=instance) as context:
        tick = look.evaluate_tick(context)
    assert not tick.run_requests and DEAD in str(tick.skip_message)


@pytest.mark.parametrize("cleared", [by_the_next_run, by_the_daemon])
@pytest.mark.usefixtures("killed")
def test_a_killed_run_is_failed_and_its_slot_is_free_again(
    settings: Settings, instance: DagsterInstance, cleared: Callable[[Settings, DagsterInstance], None]
) -> None:
    cleared(settings, instance)
    run = instance.get_run_by_id(DEAD)
    assert run is not None and run.status is DagsterRunStatus.FAILURE
    assert claimed(instance, LIVING)


def test_a_run_that_lives_keeps_its_slot(settings: Settings, instance: DagsterInstance) -> None:
    with running(settings, instance, LIVING):
        assert claimed(instance, LIVING)
        assert clear(settings, instance) == []
        assert not claimed(instance, DEAD)
    assert not list((settings.dagster / "running").iterdir())
