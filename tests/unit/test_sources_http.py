"""A capture over HTTP is whole or it is not there (DESIGN §10)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.demo.ranking import ranking_server, write_capture
from pipelines.landing.pull import pull
from pipelines.settings import PROJECT, Settings
from pipelines.sources import http
from pipelines.sources.contract import Source, load_contracts
from pipelines.sources.errors import PermanentSourceError, SourceError

DAY = date(2025, 8, 6)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SECONDS_BETWEEN_REQUESTS", 0)
    monkeypatch.setattr(http, "wait_exponential_jitter", lambda **_: lambda _: 0)


def ranking(url: str) -> Source:
    demo = load_contracts(PROJECT / "sources.yaml").sources["national_ranking"]
    return demo.model_copy(update={"connector": "http", "url": url})


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[str]:
    """A server that gives these answers in turn, then repeats the last."""
    given = iter(answers)
    last = answers[-1]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = next(given, last)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def page(number: int, pages: int, code: str = "40") -> bytes:
    child = {"departmentCode": code, "totalReceived": 10, "channelOnlineSum": 7}
    return json.dumps(
        {"code": "OK", "capturedAt": "2025-08-06T16:00:00+0700", "data": {"children": [child]},
         "paging": {"currentPage": number, "totalPages": pages}}
    ).encode()  # fmt: skip


def test_all_pages_of_a_capture_become_one_batch(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "ranking"
    write_capture(folder / str(DAY), datetime(2025, 8, 6, 16), 310_903, 224_930, (0.70, 224_930 / 310_903))
    with ranking_server(folder) as url:
        batch = pull(ranking(url), DAY, settings, run_id="t")
    rows = pq.read_table(batch.path).to_pylist()
    assert len(rows) == 34
    ours = next(r for r in rows if r["province_code"] == "40")
    assert (ours["received_total"], ours["online_total"]) == ("310903", "224930")


def test_a_server_that_recovers_is_asked_again(settings: Settings) -> None:
    with answering((500, b""), (429, b""), (200, b"<html>busy</html>"), (200, page(1, 1))) as url:
        assert pull(ranking(url), DAY, settings, run_id="t").rows == 1


@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html></html>"), (200, page(1, 2)[:40])])
def test_a_server_that_does_not_recover_lands_nothing(settings: Settings, answer: tuple[int, bytes]) -> None:
    with answering(answer) as url, pytest.raises(SourceError, match="national_ranking 2025-08-06"):
        pull(ranking(url), DAY, settings, run_id="t")
    assert list(settings.landing.rglob("*.json")) == []


def test_half_a_capture_never_becomes_a_batch(settings: Settings) -> None:
    with answering((200, page(1, 3)), (500, b"")) as url, pytest.raises(SourceError):
        pull(ranking(url), DAY, settings, run_id="t")
    assert list(settings.landing.rglob("*.parquet")) == []


def test_a_page_that_repeats_for_ever_is_stopped(settings: Settings) -> None:
    with answering((200, page(1, 9))) as url, pytest.raises(PermanentSourceError, match="repeats"):
        pull(ranking(url), DAY, settings, run_id="t")


def test_a_refused_login_is_not_tried_again(settings: Settings) -> None:
    with answering((401, b""), (200, page(1, 1))) as url, pytest.raises(PermanentSourceError, match="401"):
        pull(ranking(url), DAY, settings, run_id="t")
