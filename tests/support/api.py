"""A real HTTP server on loopback for one test, and a clock that passes only where somebody sleeps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pyarrow.parquet as pq
import pytest

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources import relation
from pipelines.sources.contracts.contract import Source
from pipelines.sources.http import fetch, token

DAY = date(2025, 8, 6)


class Clock:
    """Time that passes only where someone sleeps, and remembers the naps."""

    def __init__(self) -> None:
        self.now, self.naps = 0.0, []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps.append(seconds)


def stop_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clocks of the connector, on `DAY`."""
    own = Clock()
    monkeypatch.setattr(fetch, "sleep", own.sleep)
    monkeypatch.setattr(fetch, "clock", lambda: own.now)
    monkeypatch.setattr(token, "clock", lambda: own.now)
    monkeypatch.setattr(fetch, "BACKOFF", lambda state: 1.5)
    monkeypatch.setattr(relation, "today", lambda: DAY)
    return own


class Request(NamedTuple):
    """`body`: the JSON; `form`: the fields of a form."""

    path: str
    query: dict[str, str]
    body: Any
    form: dict[str, str]
    headers: dict[str, str]


class Api(NamedTuple):
    url: str
    requests: list[Request]


Response = tuple[int, Any, dict[str, str]] | tuple[int, Any]
# One record of `issues`.
LETTERS: Response = (200, {"items": [{"id": "a"}]})


@contextmanager
def serving(answer: Callable[[Request, int], Response]) -> Iterator[Api]:
    """`answer(request, number)` gives status, body (bytes or JSON) and headers."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            address = urlsplit(self.path)
            is_form = "form-urlencoded" in self.headers.get("Content-Type", "")
            body = json.loads(raw) if raw and not is_form else None
            form = dict(parse_qsl(raw.decode(), keep_blank_values=True)) if is_form else {}
            request = Request(address.path, dict(parse_qsl(address.query)), body, form, dict(self.headers))
            requests.append(request)
            status, content, *more = answer(request, len(requests))
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Api(f"http://127.0.0.1:{server.server_address[1]}/", requests)
    finally:
        server.shutdown()
        server.server_close()


def issues(url: str, **changes: Any) -> Source:
    """An API of another place: an id and a text per record, no word of the demo's."""
    base: dict[str, Any] = {
        "name": "issues", "title_vi": "", "connector": "http", "grain": "issue", "key": ("issue_code",),
        "partitioning": "snapshot_day", "url": url, "records": "items", "max_rejected_share": 0.1,
        "suite": "issue_register.json", "personal": {"reporter": "name"},
        "columns": (
            {"name": "issue_code", "raw": "id", "required": True},
            {"name": "unit_code", "raw": "unit.code", "optional": True},
        ),
    }  # fmt: skip
    return Source.model_validate(base | changes)


def codes(settings: Settings, one: Source) -> list[str]:
    return [
        row["issue_code"]
        for row in pq.read_table(land_partition(one, DAY, settings, run_id="t").path).to_pylist()
    ]


def nothing_landed(settings: Settings) -> bool:
    return not settings.landing.exists() or not any(p.is_file() for p in settings.landing.rglob("*"))
