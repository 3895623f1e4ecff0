"""`deploy/Caddyfile` in a real Caddy: nobody without a login, and what Dagster's guard asks for arrives."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.support.host import LOGIN, list_proxy_command, list_proxy_environment
from tests.support.servers import find_free_port


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
    server, port = ThreadingHTTPServer(("127.0.0.1", 0), Upstream), find_free_port()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    variables = list_proxy_environment(address, server.server_port, tmp_path_factory.mktemp("caddy"))
    with subprocess.Popen(
        list_proxy_command(),
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
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
