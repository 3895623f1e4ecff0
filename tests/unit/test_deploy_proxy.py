"""`deploy/Caddyfile` in a real Caddy: nobody without a login, and what Dagster's guard asks for arrives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from pipelines.settings import PROJECT
from tests.support.mail import find_free_port

LOGIN = ("truc", "mot mat khau dai")


class Upstream(BaseHTTPRequestHandler):
    """Says which headers came; allows every origin, as Dagster's web server does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(str(self.headers).encode())

    def log_message(self, *words: object) -> None:
        """Nothing of it is printed."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the proxy, with a web server behind it."""
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent))
    assert caddy
    command = [caddy, "hash-password", "--plaintext", LOGIN[1]]
    secret = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    server, port = ThreadingHTTPServer(("127.0.0.1", 0), Upstream), find_free_port()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "THONGSUOT_SITE": address,
        "THONGSUOT_LOGIN": LOGIN[0],
        "THONGSUOT_LOGIN_HASH": secret,
        "THONGSUOT_UI_PORT": str(server.server_port),
        "HOME": str(tmp_path_factory.mktemp("caddy")),
    }
    command = [caddy, "run", "--config", str(PROJECT / "deploy" / "Caddyfile"), "--adapter", "caddyfile"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as proxy:
        try:
            wait_for(f"{address}/healthy")
            yield address
        finally:
            proxy.terminate()
            server.shutdown()
            server.server_close()
            thread.join()


def wait_for(address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            requests.get(address, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"{address} does not answer")


def test_nobody_comes_in_without_the_login(site: str) -> None:
    assert requests.get(f"{site}/healthy", timeout=10).status_code == 200
    for path in ("/", "/graphql", "/exports/", "/healthy/../graphql"):
        assert requests.get(f"{site}{path}", timeout=10).status_code == 401, path
        assert requests.get(f"{site}{path}", auth=(LOGIN[0], "another"), timeout=10).status_code == 401
        assert requests.get(f"{site}{path}", auth=LOGIN, timeout=10).status_code == 200


def test_what_the_guard_asks_for_arrives_and_no_other_site_may_read_the_answer(site: str) -> None:
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = requests.get(f"{site}/graphql", auth=LOGIN, headers=headers, timeout=10)
    assert "Origin: https://evil.example" in answer.text and "Sec-Fetch-Site: cross-site" in answer.text
    assert f"Host: {site[7:]}" in answer.text
    assert "Access-Control-Allow-Origin" not in answer.headers
