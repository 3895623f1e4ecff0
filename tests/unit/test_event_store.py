"""Dagster's events are kept as Dagster keeps them; only the files stay open."""

from __future__ import annotations

import pytest
from dagster import DagsterInstance, asset, materialize
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from pipelines.runs import event_store
from pipelines.runs.event_store import EventStore
from pipelines.settings import Settings


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> DagsterInstance:
    """The instance of dagster.yaml, its files in an empty folder."""
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    settings.dagster.mkdir(parents=True)
    return DagsterInstance.get()


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
