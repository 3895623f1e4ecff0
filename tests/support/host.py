"""A host in production: the units of `deploy/systemd` and the proxy as processes, on ports of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from pipelines.runs.execute import END_TAG, START_TAG
from pipelines.settings import PROJECT, Settings
from tests.support.servers import find_free_port
from tests.unit.test_deploy import read_unit

LOGIN = ("truc", "mot mat khau dai")
UNITS = ("code", "daemon", "web")
PROXY = "proxy"
LAUNCH = """mutation Launch($run: ExecutionParams!) { launchRun(executionParams: $run) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def find_caddy() -> str:
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent))
    assert caddy
    return caddy


def list_proxy_command() -> list[str]:
    """As `deploy/compose.yaml` starts the proxy."""
    config = str(PROJECT / "deploy" / "Caddyfile")
    return [find_caddy(), "run", "--config", config, "--adapter", "caddyfile"]


def list_proxy_environment(address: str, ui_port: int, home: Path) -> dict[str, str]:
    """`address`: http, since no name of this machine has a certificate."""
    command = [find_caddy(), "hash-password", "--plaintext", LOGIN[1]]
    secret = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return {
        "THONGSUOT_SITE": address, "THONGSUOT_LOGIN": LOGIN[0], "THONGSUOT_LOGIN_HASH": secret,
        "THONGSUOT_UI_PORT": str(ui_port), "HOME": str(home),
    }  # fmt: skip


class Host:
    """`settings`: its installation. What dies is started again by `tend`, as systemd does."""

    def __init__(self, settings: Settings, folder: Path, **variables: str) -> None:
        self.grpc, self.web, self.folder = find_free_port(), find_free_port(), folder
        self.site = f"http://127.0.0.1:{find_free_port()}"
        workspace = (PROJECT / "deploy" / "workspace.yaml").read_text(encoding="utf-8")
        (folder / "workspace.yaml").write_text(workspace.replace("4000", str(self.grpc)), encoding="utf-8")
        self.environment = {**os.environ, **settings.child_environment(), **variables}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._list_words(name), cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
                env=self.environment,
            )  # fmt: skip

    def _list_words(self, name: str) -> list[str]:
        if name == PROXY:
            self.environment |= list_proxy_environment(self.site, self.web, self.folder)
            return list_proxy_command()
        text = read_unit(PROJECT / "deploy" / "systemd" / f"thongsuot-{name}.service")["Service"]["ExecStart"]
        text = text.replace("/opt/thongsuot/deploy/workspace.yaml", str(self.folder / "workspace.yaml"))
        text = text.replace("/opt/thongsuot/.venv/bin", str(Path(sys.executable).parent))
        return shlex.split(text.replace("4000", str(self.grpc)).replace("3000", str(self.web)))

    def kill(self, name: str) -> None:
        """With all that it started: systemd ends a unit's control group."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait(30)

    def tend(self) -> None:
        """`Restart=always`."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.kill(name)
                self.start(name)

    def stop(self) -> None:
        for name in self.processes:
            self.kill(name)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of GraphQL's answer, past the login."""
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.site}/graphql", json=body, auth=LOGIN, timeout=30)
        answer.raise_for_status()
        data: dict[str, Any] = answer.json()["data"]
        return data

    def launch(self, job: str, day: str) -> str:
        """The id of a run of the job for that day, as the launchpad starts it."""
        selector = {
            "repositoryLocationName": "thongsuot", "repositoryName": "__repository__", "jobName": job,
        }  # fmt: skip
        tags = [{"key": key, "value": day} for key in (START_TAG, END_TAG)]
        run = {
            "selector": selector, "runConfigData": {}, "mode": "default", "executionMetadata": {"tags": tags},
        }  # fmt: skip
        launched = self.ask(LAUNCH, run=run)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def find_status(self, run_id: str) -> str:
        return str(self.ask(STATUS, id=run_id)["runOrError"]["status"])

    def wait_for(self, question: Callable[[], Any], seconds: float = 150) -> Any:
        """The first answer that is something; what dies meanwhile is started again."""
        until = time.monotonic() + seconds
        while True:
            self.tend()
            with suppress(Exception):
                if answer := question():
                    return answer
            assert time.monotonic() < until, "no answer in time"
            time.sleep(0.5)
