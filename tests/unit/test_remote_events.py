"""Dagster's storage in PostgreSQL: the same instance file, the same events, and nothing secret among them."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from dagster import DagsterInstance, DagsterRunStatus, asset, materialize

from pipelines.addresses import DAGSTER_URL, SettingsError
from pipelines.cli import main
from pipelines.masking import register_secret
from pipelines.operations.check_data import check_postgres
from pipelines.operations.conditions import find_failed_runs
from pipelines.operations.state import read_state
from pipelines.operations.thresholds import Thresholds
from pipelines.operations.view import View
from pipelines.runs.execute import END_TAG, START_TAG
from pipelines.runs.remote_events import RemoteEvents
from pipelines.settings import Settings
from tests.unit.test_event_store import deliveries, downstream
from tests.unit.test_running import create_run

SECRET = "mot-mat-khau-that-dai"


@pytest.fixture
def instance(settings: Settings, postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> DagsterInstance:
    """The instance of dagster.yaml, its storage in an empty database."""
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        pg.execute("drop database if exists dagster with (force)")
        pg.execute("create database dagster")
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(DAGSTER_URL, postgres_server.replace("/postgres?", "/dagster?"))
    settings.dagster.mkdir(parents=True)
    return DagsterInstance.get()


@asset
def failing() -> None:
    raise RuntimeError(f"the server refused {SECRET}")


def test_what_is_recorded_lies_in_the_database_and_is_masked(
    instance: DagsterInstance, settings: Settings, postgres_server: str
) -> None:
    assert isinstance(instance.event_log_storage, RemoteEvents)
    register_secret(SECRET)
    assert not materialize([failing], instance=instance, raise_on_error=False).success
    with psycopg.connect(postgres_server.replace("/postgres?", "/dagster?")) as pg:
        events = pg.execute("select event from event_logs").fetchall()
        assert pg.execute("select status from runs").fetchall() == [("FAILURE",)]
    assert len(events) > 5 and "the server refused ***" in str(events) and SECRET not in str(events)
    assert not (settings.dagster / "history").exists()


def test_a_partition_of_which_nothing_came_is_observed_there_too(instance: DagsterInstance) -> None:
    tags = {START_TAG: "2025-08-01", END_TAG: "2025-08-03"}
    assert materialize([deliveries, downstream], instance=instance, tags=tags).success
    assert instance.get_materialized_partitions(deliveries.key) == {"2025-08-01", "2025-08-03"}
    [observed] = instance.fetch_observations(deliveries.key, limit=5).records
    assert observed.partition_key == "2025-08-02"


def test_the_doctor_asks_the_database(
    instance: DagsterInstance, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [(one.check, one.level) for one in check_postgres(settings)] == [("dagster", "ok")]
    monkeypatch.setenv(DAGSTER_URL, f"postgresql://a:{SECRET}@127.0.0.1:9/dagster")
    [diagnosis] = check_postgres(settings)
    assert diagnosis.level == "fail" and DAGSTER_URL in diagnosis.next_step and SECRET not in diagnosis.text


def test_runs_in_the_database_are_known_where_the_data_directory_was_lost(
    instance: DagsterInstance, settings: Settings
) -> None:
    create_run(instance, "11111111-1111-4111-8111-111111111111", DagsterRunStatus.FAILURE, "nightly")
    shutil.rmtree(settings.dagster)
    view = View(settings, Thresholds(), datetime.now(), read_state(settings))
    assert [incident.key for incident in find_failed_runs(view)] == ["run_failed:nightly"]


def test_an_address_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(SettingsError, match=DAGSTER_URL):
        Settings.from_env({DAGSTER_URL: "mysql://a"})


def test_a_database_that_is_not_there_is_told_at_once_in_one_line(
    postgres_server: str, tmp_path: Path
) -> None:
    url = postgres_server.replace("/postgres?", "/nowhere?").replace("//postgres:@", f"//postgres:{SECRET}@")
    env = {"THONGSUOT_DATA": str(tmp_path), DAGSTER_URL: url}
    result = CliRunner().invoke(main, ["run", "--partition", "2025-08-05"], env=env)
    assert result.exit_code == 2 and "Traceback" not in result.output and SECRET not in result.output
    assert "Dagster's database (THONGSUOT_DAGSTER_URL) does not answer, or lets nobody in" in result.output
    assert 'database "nowhere" does not exist' in result.output
