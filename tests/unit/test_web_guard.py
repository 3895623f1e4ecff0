"""What a page of another site sends to Dagster is refused before Dagster sees it; its own pages work.

Dagster's real web server app, called in this process; each attack was one that worked without the guard.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from dagster import DagsterInstance, job, op
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from pipelines.settings import Settings
from pipelines.web.guard import Guard
from pipelines.web.serve import guard_app, guard_command

HOST = "127.0.0.1:3000"
OWN = f"http://{HOST}"
JSON = "application/json"


class Answer(NamedTuple):
    status: int
    body: str
    headers: dict[str, str]


class Server(NamedTuple):
    instance: DagsterInstance
    app: Guard

    def ask(
        self,
        method: str,
        path: str,
        body: str = "",
        *,
        host: str = HOST,
        **headers: str,
    ) -> Answer:
        """`sec_fetch_site="cross-site"` is the header `sec-fetch-site`."""
        return asyncio.run(self._ask(method, path, body, {"host": host, **headers}))

    async def _ask(self, method: str, path: str, body: str, headers: dict[str, str]) -> Answer:
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "root_path": "", "headers": encode(headers), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 3000),
        }  # fmt: skip
        messages: list[dict[str, Any]] = []

        sent = [{"type": "http.request", "body": body.encode(), "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not sent:  # the client waits for the answer
                await asyncio.Event().wait()
            return sent.pop()

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start = next(m for m in messages if m["type"] == "http.response.start")
        text = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
        names: dict[str, str] = {}
        for name, value in ((n.decode(), v.decode()) for n, v in start["headers"]):
            names[name] = f"{names[name]}, {value}" if name in names else value
        return Answer(start["status"], text.decode(errors="replace"), names)

    def open_websocket(self, **headers: str) -> str:
        """The first thing that the server answers: websocket.accept, or websocket.close."""
        return asyncio.run(self._open_websocket({"host": HOST, **headers}))

    async def _open_websocket(self, headers: dict[str, str]) -> str:
        scope = {
            "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws",
            "path": "/graphql", "raw_path": b"/graphql", "query_string": b"", "root_path": "",
            "headers": encode(headers), "subprotocols": ["graphql-ws"],
        }  # fmt: skip
        events = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return events.pop(0)

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        return str(messages[0]["type"])


def encode(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]


@op
def rest() -> None:
    """Never executed."""


@job
def trivial() -> None:
    rest()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with (
        DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context,
    ):
        settings = Settings(data=tmp_path_factory.mktemp("data"))
        yield Server(instance, guard_app(create_app_from_workspace_process_context(context), settings))


@pytest.fixture
def run_id(server: Server) -> str:
    """A run that an attack tries to delete."""
    return server.instance.create_run_for_job(trivial, run_id=str(uuid.uuid4())).run_id


def mutation(run_id: str) -> str:
    return f'mutation {{ deletePipelineRun(runId: "{run_id}") {{ __typename }} }}'


def ask_json(run_id: str) -> str:
    return json.dumps({"query": mutation(run_id)})


ATTACKS = {
    "simple POST, text/plain, query in the address": (
        415, lambda s, m: s.ask("POST", f"/graphql?query={quote(m)}", "x", content_type="text/plain")),
    "the same with the page's origin": (
        403, lambda s, m: s.ask("POST", f"/graphql?query={quote(m)}", "x", content_type="text/plain",
                                origin="http://evil.example")),
    "a simple content type that has JSON in it": (
        415, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}),
                                content_type=f"text/plain; {JSON}")),
    "GraphQL's own content type": (
        415, lambda s, m: s.ask("POST", "/graphql", m, content_type="application/graphql")),
    "form POST": (
        415, lambda s, m: s.ask("POST", f"/graphql?query={quote(m)}", f"query={quote(m)}",
                                content_type="application/x-www-form-urlencoded")),
    "no content type at all": (415, lambda s, m: s.ask("POST", f"/graphql?query={quote(m)}")),
    "GET of a mutation, as an image does": (405, lambda s, m: s.ask("GET", f"/graphql?query={quote(m)}")),
    "the same below a slash": (405, lambda s, m: s.ask("GET", f"/graphql/?query={quote(m)}")),
    "HEAD of a mutation": (405, lambda s, m: s.ask("HEAD", f"/graphql?query={quote(m)}")),
    "JSON from a foreign origin": (
        403, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                origin="http://evil.example")),
    "JSON from another port of this machine": (
        403, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                origin="http://127.0.0.1:8000")),
    "JSON from a sandboxed frame": (
        403, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                origin="null")),
    "JSON that the browser calls cross-site": (
        403, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                sec_fetch_site="cross-site")),
    "JSON that the browser calls same-site": (
        403, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                sec_fetch_site="same-site")),
    "a name that was made to point here": (
        421, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                host="evil.example:3000", origin="http://evil.example:3000",
                                sec_fetch_site="same-origin")),
    "a name that begins like ours": (
        421, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                host="127.0.0.1.evil.example")),
    "an address with a name behind it": (
        421, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                host="[::1]evil.com")),
    "an address with a name behind it, and a port": (
        421, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                host="[::1].evil.com:3000")),
    "GET of a mutation below a prefix": (405, lambda s, m: s.ask("GET", f"/x/graphql?query={quote(m)}")),
    "a name behind a user": (
        421, lambda s, m: s.ask("POST", "/graphql", json.dumps({"query": m}), content_type=JSON,
                                host="localhost@evil.example")),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_changes_nothing(server: Server, run_id: str, attack: str) -> None:
    status, fire = ATTACKS[attack]
    answer = fire(server, mutation(run_id))
    assert answer.status == status, answer
    assert "evil" not in answer.body
    assert server.instance.get_run_by_id(run_id) is not None


@pytest.mark.parametrize("host", [HOST, "localhost:3000", "LOCALHOST", "[::1]:3000"])
def test_dagsters_own_page_works(server: Server, run_id: str, host: str) -> None:
    answer = server.ask(
        "POST", "/graphql", ask_json(run_id), host=host, origin=f"http://{host}",
        content_type=f"{JSON}; charset=utf-8", sec_fetch_site="same-origin",
    )  # fmt: skip
    assert answer.status == 200 and "DeletePipelineRunSuccess" in answer.body
    assert server.instance.get_run_by_id(run_id) is None


def test_a_program_on_this_machine_works(server: Server) -> None:
    body = json.dumps({"query": "{ version }"})
    assert server.ask("POST", "/graphql", body, content_type=JSON).status == 200


def test_behind_a_proxy_the_configured_name_works_over_tls(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THONGSUOT_UI_HOSTS", "so-lieu.example.vn, other.example.vn")
    proxied = Server(server.instance, guard_app(server.app.app, Settings(data=Path("nowhere"))))
    body = json.dumps({"query": "{ version }"})
    own = {"host": "so-lieu.example.vn", "origin": "https://so-lieu.example.vn", "content_type": JSON}
    assert proxied.ask("POST", "/graphql", body, **own).status == 200
    assert server.ask("POST", "/graphql", body, **own).status == 421
    foreign = own | {"origin": "https://other.example.vn"}
    assert proxied.ask("POST", "/graphql", body, **foreign).status == 403


def test_pages_are_shown_to_their_own_site_and_never_in_a_frame(server: Server) -> None:
    page = server.ask(
        "GET", "/runs", sec_fetch_site="none", sec_fetch_mode="navigate", sec_fetch_dest="document"
    )
    assert page.status == 200 and page.headers["x-frame-options"] == "DENY"
    linked = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert server.ask("GET", "/runs", **linked, sec_fetch_dest="document").status == 200
    assert server.ask("GET", "/runs", **linked, sec_fetch_dest="iframe").status == 403
    assert server.ask("GET", "/runs", sec_fetch_site="cross-site", sec_fetch_mode="no-cors").status == 403
    assert server.ask("GET", "/graphql", accept="text/html").status == 200


@pytest.mark.parametrize("path", ["/report_asset_materialization/a", "/report_asset_check/a"])
def test_reports_by_a_form_are_refused(server: Server, path: str) -> None:
    assert server.ask("POST", f"{path}?asset_key=a", content_type="text/plain").status == 415


def test_a_websocket_opens_for_its_own_page_alone(server: Server) -> None:
    assert server.open_websocket(origin=OWN) == "websocket.accept"
    assert server.open_websocket() == "websocket.accept"
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": OWN, "sec_fetch_site": "cross-site"},
        {"host": "evil.example:3000", "origin": "http://evil.example:3000"},
    ):
        assert server.open_websocket(**headers) == "websocket.close", headers


@pytest.mark.parametrize("headers", [[], [(b"host", b"localhost"), (b"host", b"evil.example")]])
def test_a_request_without_one_host_is_refused(server: Server, headers: list[tuple[bytes, bytes]]) -> None:
    refusal = server.app.find_refusal({"type": "http", "method": "GET", "path": "/", "headers": headers})
    assert refusal is not None and refusal.status == 421


def test_dagster_starts_its_web_server_behind_the_guard(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one place where Dagster names its web server's module; a new version may name it otherwise."""
    from dagster._cli import dev

    from pipelines.web.serve import serve_dagster

    commands = []

    def stop(words: list[str], **_: object) -> None:
        commands.append(words)
        raise KeyboardInterrupt

    monkeypatch.setattr(dev, "open_ipc_subprocess", stop)
    monkeypatch.setattr(dev, "_optionally_create_temp_workspace", lambda **_: NoWorkspace())
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("THONGSUOT_UI_HOSTS", "")
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        serve_dagster("10.1.2.3", 3999)
    assert commands[0][1:3] == ["-m", "pipelines.web"]
    assert guard_command(["python", "-m", "dagster._daemon", "run"]) == [
        "python",
        "-m",
        "dagster._daemon",
        "run",
    ]


class NoWorkspace:
    def __enter__(self) -> list[str]:
        return []

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""


IN_THE_BACKGROUND = """
import signal, subprocess, sys
from pipelines.web.serve import obey_interrupts

signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell leaves it for a command with an ampersand
obey_interrupts()
with subprocess.Popen([sys.executable, "-c", "print(flush=True); import time; time.sleep(5)"], stdout=-1) as child:
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    print(child.wait())
"""


def test_what_the_ui_starts_ends_by_an_interrupt_also_in_the_background() -> None:
    command = [sys.executable, "-c", IN_THE_BACKGROUND]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert answer.strip() != "0"
