"""A run whose process is gone does not keep the next one waiting, wherever it was started."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    EventLogEntry,
    build_sensor_context,
)
from dagster._core.events import EngineEventData

from pipelines.runs import alive
from pipelines.runs.alive import mark_process, running, settle_runs
from pipelines.runs.history import read_last_run
from pipelines.settings import Settings

POOL = "a pool of the place's own"
DEAD = "11111111-1111-4111-8111-111111111111"
LIVING = "22222222-2222-4222-8222-222222222222"
# Above every number that Linux gives out (2^22), so no process has it.
NO_PROCESS = 2**22 + 1


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    settings.dagster.mkdir(parents=True)
    with DagsterInstance.get() as one:
        yield one


def create_run(
    instance: DagsterInstance, run_id: str, status: DagsterRunStatus, job_name: str = "nightly",
    tags: Mapping[str, str] | None = None,
) -> Any:  # fmt: skip
    return instance.create_run(
        job_name=job_name, run_id=run_id, run_config={}, status=status, tags=tags or {},
        root_run_id=None, parent_run_id=None, step_keys_to_execute=None, execution_plan_snapshot=None,
        job_snapshot=None, parent_job_snapshot=None, asset_selection=None, asset_check_selection=None,
        resolved_op_selection=None, op_selection=None, remote_job_origin=None, job_code_origin=None,
        asset_graph=None,
    )  # fmt: skip


def launch(
    instance: DagsterInstance, run_id: str, pid: int, status: DagsterRunStatus = DagsterRunStatus.STARTED
) -> None:
    """A run as Dagster's launcher leaves it in the store: its events name the process, there is no mark."""
    run = create_run(instance, run_id, status)
    instance.report_engine_event(
        f"Started process for run (pid: {pid}).", run, EngineEventData.in_process(pid)
    )


def claim(instance: DagsterInstance, run_id: str) -> bool:
    store = instance.event_log_storage
    store.set_concurrency_slots(POOL, 1)
    return store.claim_concurrency_slot(POOL, run_id, "publish").is_claimed


def read_status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def die_holding_a_slot(data: Path) -> None:
    settings = Settings(data=data)
    os.environ.update(settings.child_environment())
    instance = DagsterInstance.get()
    create_run(instance, DEAD, DagsterRunStatus.STARTED)
    with running(settings, instance, DEAD):
        assert claim(instance, DEAD)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def killed(settings: Settings, instance: DagsterInstance) -> None:
    """A run in a process of its own, killed while it held a slot."""
    process = multiprocessing.get_context("spawn").Process(target=die_holding_a_slot, args=(settings.data,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not claim(instance, LIVING)


@pytest.mark.usefixtures("killed")
def test_the_daemon_settles_a_killed_run_where_nobody_starts_one_by_hand(
    settings: Settings, instance: DagsterInstance
) -> None:
    from pipelines.defs.killed import killed_sensor

    look = killed_sensor(settings)
    assert look.default_status is DefaultSensorStatus.RUNNING
    with build_sensor_context(instance=instance) as context:
        tick = look.evaluate_tick(context)
    assert not tick.run_requests and DEAD in str(tick.skip_message)
    assert read_status(instance, DEAD) is DagsterRunStatus.FAILURE
    assert claim(instance, LIVING)


def test_a_run_that_lives_keeps_its_slot(settings: Settings, instance: DagsterInstance) -> None:
    with running(settings, instance, LIVING):
        run = create_run(instance, LIVING, DagsterRunStatus.STARTED)
        assert claim(instance, LIVING)
        assert settle_runs(settings, instance) == []
        assert not claim(instance, DEAD)
        instance.report_run_canceled(run)
    assert not list((settings.dagster / "running").iterdir())


def test_launched_runs_whose_process_is_gone_are_settled(
    settings: Settings, instance: DagsterInstance
) -> None:
    starting, canceling = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
    launch(instance, starting, NO_PROCESS, DagsterRunStatus.STARTING)
    launch(instance, DEAD, NO_PROCESS, DagsterRunStatus.STARTED)
    launch(instance, canceling, NO_PROCESS, DagsterRunStatus.CANCELING)
    assert claim(instance, DEAD)
    with running(settings, instance, LIVING):
        assert read_status(instance, starting) is DagsterRunStatus.FAILURE
        assert read_status(instance, DEAD) is DagsterRunStatus.FAILURE
        assert read_status(instance, canceling) is DagsterRunStatus.CANCELED
        assert claim(instance, LIVING)


def test_a_number_that_another_process_got_since_is_not_the_run(
    settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch(instance, DEAD, os.getpid())
    assert settle_runs(settings, instance) == []
    later = datetime.now(UTC) + timedelta(minutes=1)
    monkeypatch.setattr("pipelines.runs.processes.find_start", lambda pid: later)
    assert settle_runs(settings, instance) == [DEAD]


def test_a_run_that_waits_for_its_process_is_left_alone_for_a_while(
    settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run(instance, DEAD, DagsterRunStatus.STARTING)
    create_run(instance, LIVING, DagsterRunStatus.NOT_STARTED)
    assert settle_runs(settings, instance) == []
    monkeypatch.setattr(alive, "LAUNCH", timedelta(0))
    assert settle_runs(settings, instance) == [DEAD]
    assert read_status(instance, LIVING) is DagsterRunStatus.NOT_STARTED


def test_slots_of_finished_and_unknown_runs_are_freed(settings: Settings, instance: DagsterInstance) -> None:
    for is_known in (False, True):
        if is_known:
            create_run(instance, DEAD, DagsterRunStatus.SUCCESS)
        assert claim(instance, DEAD)
        assert settle_runs(settings, instance) == []
        assert claim(instance, LIVING)
        instance.event_log_storage.free_concurrency_slots_for_run(LIVING)


def test_what_a_full_disk_did_not_let_store_is_settled_by_the_next_start(
    settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with (
        monkeypatch.context() as full,
        pytest.raises(sqlite3.OperationalError),
        running(settings, instance, DEAD),
    ):
        create_run(instance, DEAD, DagsterRunStatus.STARTED)
        assert claim(instance, DEAD)
        full.setattr(instance, "report_run_failed", refuse)
        refuse()
    assert read_status(instance, DEAD) is DagsterRunStatus.STARTED
    with monkeypatch.context() as full:
        full.setattr(instance, "report_run_failed", refuse)
        assert settle_runs(settings, instance) == []  # still no space: neither stored nor forgotten
    assert settle_runs(settings, instance) == [DEAD]
    assert read_status(instance, DEAD) is DagsterRunStatus.FAILURE
    assert claim(instance, LIVING)


def test_a_run_of_which_the_store_cannot_be_asked_keeps_its_mark(
    settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is stored as finished is not known: the next start finds it, and settles it."""

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as full, running(settings, instance, DEAD):
        create_run(instance, DEAD, DagsterRunStatus.STARTED)
        full.setattr(instance, "get_run_by_id", refuse)
    assert [path.stem for path in (settings.dagster / "running").iterdir()] == [DEAD]
    assert settle_runs(settings, instance) == [DEAD]


def test_a_process_of_one_run_is_marked_until_it_ends(settings: Settings, instance: DagsterInstance) -> None:
    """Dagster stores the end of a launched run after its last step: until then nobody may settle it."""
    create_run(instance, LIVING, DagsterRunStatus.STARTED)
    mark_process(settings, instance, LIVING)
    assert settle_runs(settings, instance) == []
    alive.KEPT_MARKS.pop().close()
    assert settle_runs(settings, instance) == [LIVING]


def test_the_last_run_is_told_in_the_time_of_the_place(
    settings: Settings, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the machine believes to be."""
    run = create_run(instance, DEAD, DagsterRunStatus.STARTING)
    instance.report_engine_event("begun", run)
    began = datetime.now(UTC)
    instance.handle_new_event(
        EventLogEntry(
            error_info=None, level=20, user_message="", run_id=DEAD, timestamp=began.timestamp(), job_name="nightly",
            dagster_event=DagsterEvent(DagsterEventType.RUN_START.value, job_name="nightly"),
        )
    )  # fmt: skip
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        words = str(read_last_run())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert f"{began.astimezone(ZoneInfo('Asia/Ho_Chi_Minh')):%Y-%m-%d %H:%M:%S} (Asia/Ho_Chi_Minh)" in words


def test_a_pipe_among_the_marks_keeps_nobody_waiting(settings: Settings, instance: DagsterInstance) -> None:
    marks = settings.dagster / "running"
    marks.mkdir()
    os.mkfifo(marks / f"{DEAD}.run")
    signal.alarm(60)  # before, the open waited for a writer that never comes
    settle_runs(settings, instance)
    signal.alarm(0)
    assert list(marks.iterdir()) == []
