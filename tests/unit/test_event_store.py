"""Dagster's events are kept as Dagster keeps them; only the files stay open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from dagster import (
    AssetCheckResult,
    AssetCheckSpec,
    BackfillPolicy,
    DagsterEventType,
    DagsterInstance,
    DailyPartitionsDefinition,
    Definitions,
    MaterializeResult,
    asset,
    define_asset_job,
    materialize,
)
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from pipelines.runs import empty_store, event_store
from pipelines.runs.event_store import WAITING, EventStore, Storage
from pipelines.runs.execute import END_TAG, START_TAG
from pipelines.settings import Settings


@asset
def numbers() -> int:
    return 1


def test_dagsters_own_storage_reads_what_was_recorded(instance: DagsterInstance, settings: Settings) -> None:
    store = instance.event_log_storage
    assert isinstance(store, EventStore)
    result = materialize([numbers], instance=instance)
    expected = [entry.dagster_event_type for entry in store.get_logs_for_run(result.run_id)]
    assert len(expected) > 10
    instance.dispose()
    plain = SqliteEventLogStorage(str(settings.dagster / "history" / "runs"))
    assert [entry.dagster_event_type for entry in plain.get_logs_for_run(result.run_id)] == expected


def test_many_runs_leave_few_files_open_and_every_one_can_be_read_again(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store, "OPEN_FILES", 2)
    runs = [materialize([numbers], instance=instance).run_id for _ in range(3)]
    store = instance.event_log_storage
    assert isinstance(store, EventStore)
    assert all(store.get_logs_for_run(run) for run in runs)
    assert len(store._engines) == 2


def test_what_is_there_is_asked_of_the_file_once(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []
    plain = SqliteEventLogStorage.has_table

    def has_table(store: SqliteEventLogStorage, table_name: str) -> bool:
        questions.append(table_name)
        return plain(store, table_name)

    monkeypatch.setattr(SqliteEventLogStorage, "has_table", has_table)
    store = instance.event_log_storage
    assert isinstance(store, EventStore)
    for _ in range(2):
        materialize([numbers], instance=instance)
        assert store.has_table("asset_event_tags") and not store.has_table("no_such_table")
    assert questions.count("asset_event_tags") == 1
    assert questions.count("no_such_table") == 2


@asset(
    partitions_def=DailyPartitionsDefinition("2025-08-01", "2025-08-04"),
    backfill_policy=BackfillPolicy.single_run(),
    check_specs=[AssetCheckSpec("sound", asset="days")],
)
def days() -> MaterializeResult:
    return MaterializeResult(check_results=[AssetCheckResult(passed=True)])


def _materialize_days(instance: DagsterInstance) -> None:
    job = define_asset_job("both", [days, numbers], partitions_def=days.partitions_def)
    both = Definitions(assets=[days, numbers], jobs=[job]).resolve_job_def("both")
    for _ in range(2):
        tags = {START_TAG: "2025-08-01", END_TAG: "2025-08-03"}
        assert both.execute_in_process(instance=instance, tags=tags).success
    instance.dispose()


INDEXED = {
    "events": "select id, dagster_event_type, asset_key, partition from event_logs order by id",
    "assets": "select asset_key, json_extract(last_materialization, '$.storage_id'), "
    "json_extract(last_materialization, '$.event_log_entry.step_key') from asset_keys order by 1",
    "tags": "select event_id, asset_key, key from asset_event_tags order by 1, 2, 3",
    "checks": "select asset_key, check_name, partition, execution_status, evaluation_event_storage_id "
    "from asset_check_executions order by id",
}


def _read_index(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    con = sqlite3.connect(folder / "index.db")
    return {name: con.execute(query).fetchall() for name, query in INDEXED.items()}


def test_a_batch_leaves_what_its_events_leave_one_by_one(
    instance: DagsterInstance, settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _materialize_days(instance)
    batched = _read_index(settings.dagster / "history" / "runs")
    (tmp_path / "plain").mkdir()
    _materialize_days(DagsterInstance.local_temp(str(tmp_path / "plain")))
    assert batched == _read_index(tmp_path / "plain" / "history" / "runs")
    assert len(batched["checks"]) == 2 and len(batched["events"]) > 12
    assert "Exception while storing" not in capfd.readouterr().err


def _read_layout(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every file of an instance: its tables, indices and stamp."""
    layout = {}
    for file in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(file)) as con:
            name = "run" if len(file.stem) == 36 else str(file.relative_to(folder))
            layout[name] = con.execute("select type, name, sql from sqlite_master order by 1, 2").fetchall()
            layout[name] += con.execute("select version_num from alembic_version").fetchall()
            layout[name] += con.execute("pragma journal_mode").fetchall()
    return layout


def test_files_that_are_copied_are_those_that_dagster_lays_out(
    instance: DagsterInstance, settings: Settings, tmp_path: Path
) -> None:
    materialize([numbers], instance=instance)
    instance.dispose()
    (tmp_path / "plain").mkdir()
    materialize([numbers], instance=DagsterInstance.local_temp(str(tmp_path / "plain")))
    assert _read_layout(settings.dagster) == _read_layout(tmp_path / "plain")


def test_an_environment_that_cannot_be_written_leaves_the_layout_to_dagster(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setattr(empty_store, "SHARED", tmp_path / "a file" / "dagster")
    store = Storage(str(tmp_path / "instance"))
    assert store.event_log_storage.has_table("event_logs")
    assert empty_store.is_laid_out(tmp_path / "instance" / empty_store.RUNS)


def test_a_file_that_is_there_is_never_copied_over(settings: Settings, tmp_path: Path) -> None:
    half = tmp_path / "runs.db"
    with closing(sqlite3.connect(half)) as con:
        con.execute("create table runs (n integer)")
    assert not empty_store.lay_out(empty_store.RUNS, half)
    assert empty_store.lay_out(empty_store.RUNS, tmp_path / "new.db")
    with closing(sqlite3.connect(half)) as con:
        assert con.execute("select count(*) from runs").fetchone() == (0,)


DAYS = DailyPartitionsDefinition(start_date="2025-08-01", end_date="2025-08-05")


@asset(partitions_def=DAYS, backfill_policy=BackfillPolicy.single_run())
def deliveries(context) -> MaterializeResult:  # type: ignore[no-untyped-def]  # Dagster reads the annotation itself
    for day in context.partition_keys:
        came = day != "2025-08-02"
        words = "landed by this run" if came else "not provided: nothing came"
        context.add_asset_metadata({"provided": words}, partition_key=day)
    return MaterializeResult()


@asset(deps=[deliveries], partitions_def=DAYS, backfill_policy=BackfillPolicy.single_run())
def downstream() -> None: ...


def test_a_partition_of_which_nothing_came_is_not_green_and_says_why(instance: DagsterInstance) -> None:
    tags = {START_TAG: "2025-08-01", END_TAG: "2025-08-03"}
    assert materialize([deliveries, downstream], instance=instance, tags=tags).success
    key = deliveries.key
    assert instance.get_materialized_partitions(key) == {"2025-08-01", "2025-08-03"}
    [observed] = instance.fetch_observations(key, limit=5).records
    assert observed.partition_key == "2025-08-02"
    assert observed.asset_observation is not None
    assert observed.asset_observation.metadata["provided"].value == "not provided: nothing came"
    # Whoever reads it went on all the same.
    assert len(instance.get_materialized_partitions(downstream.key)) == 3


def test_outputs_and_checks_are_there_for_whoever_asks_and_after_the_run(
    instance: DagsterInstance, settings: Settings
) -> None:
    store = instance.event_log_storage
    assert isinstance(store, EventStore)
    result = materialize([days], instance=instance, partition_key="2025-08-01")
    events = [entry for entry in store.get_logs_for_run(result.run_id) if entry.dagster_event_type in WAITING]
    assert len(events) == 3
    run = sqlite3.connect(settings.dagster / "history" / "runs" / f"{result.run_id}.db")
    stored = "select count(*) from event_logs"
    (before,) = run.execute(stored).fetchone()
    for event in events:
        store.store_event(event)
    assert run.execute(stored).fetchone() == (before,)  # they wait
    assert len(store.get_logs_for_run(result.run_id)) == before + 3 == run.execute(stored).fetchone()[0]
    store.store_event(events[0])
    instance.dispose()
    assert run.execute(stored).fetchone() == (before + 4,)


@pytest.mark.parametrize("next_call", ["read", "dispose"])
def test_what_could_not_be_written_waits_until_there_is_room_and_the_run_hears_of_it(
    instance: DagsterInstance, settings: Settings, next_call: str
) -> None:
    store = instance.event_log_storage
    assert isinstance(store, EventStore)
    result = materialize([days], instance=instance, partition_key="2025-08-01")
    entries = store.get_logs_for_run(result.run_id)
    event = next(entry for entry in entries if entry.dagster_event_type in WAITING)
    with store._connect(result.run_id) as con:
        pages = con.exec_driver_sql("pragma page_count").scalar_one()
        con.exec_driver_sql(f"pragma max_page_count = {pages}")
    for _ in range(100):
        store.store_event(event)
    for _ in range(2):
        with pytest.raises(sa.exc.OperationalError, match="full"):
            store.get_logs_for_run(result.run_id)
    # Room again.
    with store._open(result.run_id).connect() as con:
        con.exec_driver_sql("pragma max_page_count = 1000000")
    if next_call == "read":
        assert len(store.get_logs_for_run(result.run_id)) == len(entries) + 100
    instance.dispose()
    with closing(sqlite3.connect(settings.dagster / "history" / "runs" / f"{result.run_id}.db")) as run:
        assert run.execute("select count(*) from event_logs").fetchone() == (len(entries) + 100,)


def test_what_the_index_has_already_is_not_written_there_twice(
    instance: DagsterInstance, settings: Settings
) -> None:
    """The index is committed, and then there is no room for the run's own file."""
    store = instance.event_log_storage
    assert isinstance(store, EventStore)
    result = materialize([days], instance=instance, partition_key="2025-08-01")
    entries = store.get_logs_for_run(result.run_id)
    evaluated = [e for e in entries if e.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION]
    indexed = "select count(*) from event_logs where dagster_event_type = 'ASSET_CHECK_EVALUATION'"
    with closing(sqlite3.connect(settings.dagster / "history" / "runs" / "index.db")) as index:
        assert evaluated and index.execute(indexed).fetchone() == (len(evaluated),)

    def refuse(_: sa.Connection) -> None:
        raise OSError("no space left")

    store.store_event(evaluated[0])
    engine = store._engines[result.run_id]
    sa.event.listen(engine, "commit", refuse)
    for _ in range(2):
        with pytest.raises(OSError, match="no space"):
            store.get_logs_for_run(result.run_id)
    sa.event.remove(engine, "commit", refuse)
    store.store_event(evaluated[0])
    assert len(store.get_logs_for_run(result.run_id)) == len(entries) + 2
    instance.dispose()
    with closing(sqlite3.connect(settings.dagster / "history" / "runs" / "index.db")) as index:
        assert index.execute(indexed).fetchone() == (len(evaluated) + 2,)
