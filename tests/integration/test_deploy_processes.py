"""Dagster's three processes, started as the units start them, on one data directory; each is killed once."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from pipelines.settings import PROJECT, Settings
from tests.support.mail import find_free_port
from tests.unit.test_deploy import read_unit

pytestmark = [pytest.mark.slow, pytest.mark.full]
SCHEDULES = """{ repositoriesOrError { ... on RepositoryConnection { nodes { name
  schedules { name scheduleState { status } } } } } }"""


class Host:
    """The units of `deploy/systemd` as processes of this machine, on ports of their own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.grpc, self.web, self.folder = find_free_port(), find_free_port(), folder
        workspace = (PROJECT / "deploy" / "workspace.yaml").read_text(encoding="utf-8")
        (folder / "workspace.yaml").write_text(workspace.replace("4000", str(self.grpc)), encoding="utf-8")
        self.environment = {**os.environ, **settings.child_environment(), "THONGSUOT_SCHEDULES": "on"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        text = read_unit(PROJECT / "deploy" / "systemd" / f"thongsuot-{name}.service")["Service"]["ExecStart"]
        text = text.replace("/opt/thongsuot/deploy/workspace.yaml", str(self.folder / "workspace.yaml"))
        text = text.replace("/opt/thongsuot/.venv/bin", str(Path(sys.executable).parent))
        text = text.replace("4000", str(self.grpc)).replace("3000", str(self.web))
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                shlex.split(text),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait(30)

    def list_schedules(self) -> dict[str, str]:
        answer = requests.post(
            f"http://127.0.0.1:{self.web}/graphql", json={"query": SCHEDULES}, timeout=30
        ).json()
        nodes = answer["data"]["repositoriesOrError"]["nodes"]
        return {s["name"]: s["scheduleState"]["status"] for node in nodes for s in node["schedules"]}


@pytest.fixture
def host(compiled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    settings = Settings(data=tmp_path / "data")
    shutil.copytree(compiled.dbt_target, settings.dbt_target)
    settings.dagster.mkdir()
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    one = Host(settings, tmp_path)
    yield one
    for name in one.processes:
        one.kill(name)


def wait_for(question: Callable[[], Any], seconds: float = 150) -> Any:
    until = time.monotonic() + seconds
    while True:
        with suppress(Exception):
            if answer := question():
                return answer
        assert time.monotonic() < until, "no answer in time"
        time.sleep(1)


def test_the_three_processes_find_one_another_and_each_may_be_killed(host: Host) -> None:
    from pipelines.runs.history import find_last_heartbeat

    for name in ("code", "daemon", "web"):
        host.start(name)
    schedules = wait_for(host.list_schedules)
    assert schedules == {"nightly_schedule": "RUNNING", "verify_schedule": "RUNNING"}
    first = wait_for(find_last_heartbeat)
    for name in ("code", "daemon", "web"):
        host.kill(name)
        host.start(name)
        assert wait_for(host.list_schedules) == schedules, f"after {name} was killed"
    assert wait_for(lambda: (last := find_last_heartbeat()) and last > first)
    # The guard stands before the web server: another site's name is none of ours.
    address = f"http://127.0.0.1:{host.web}/server_info"
    assert requests.get(address, timeout=10).status_code == 200
    assert requests.get(address, headers={"Host": "evil.example"}, timeout=10).status_code == 421
