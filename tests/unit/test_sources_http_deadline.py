"""`timeout_seconds` is the time of a whole exchange, whatever the server sends in time and never ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources import relation
from pipelines.sources.errors import SourceError
from pipelines.sources.http import fetch
from pipelines.sources.http.deadline import Deadline
from tests.support.api import DAY, Request, Response, issues, nothing_landed, serving, stop_clock

SECONDS = 0.3


@contextmanager
def trickling(first: bytes, piece: bytes) -> Iterator[str]:
    """A server that sends `first`, and then a piece every hundredth of a second, for ever."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def trickle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(first)
            while not stop.wait(0.01):
                connection.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=trickle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        stop.set()
        server.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits for a connection
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\n"
TRICKLES = {
    "the status line": ("http", b"HTTP/1.1 ", b"2"),
    "one header without end": ("http", HEAD + b"X-Long: ", b"a"),
    "ever more continuation": ("http", HEAD + b"X: y", b" "),
    "a chunk's extension": ("http", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;", b"a"),
    "a body": ("http", HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "the TLS handshake": ("https", b"\x16\x03\x03\x40\x00", b"\x02"),
}


@pytest.mark.parametrize("trickle", TRICKLES)
def test_an_answer_that_trickles_is_late_and_not_for_the_server_to_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, trickle: str
) -> None:
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    monkeypatch.setattr(relation, "today", lambda: DAY)
    scheme, first, piece = TRICKLES[trickle]
    began = time.monotonic()
    with (
        trickling(first, piece) as host,
        pytest.raises(SourceError, match=r"not there after 0\.3 seconds"),
    ):
        land_partition(issues(f"{scheme}://{host}/", timeout_seconds=SECONDS), DAY, settings, run_id="t")
    assert time.monotonic() - began < 10 * SECONDS
    assert nothing_landed(settings)


def test_a_kept_connection_is_under_the_next_deadline_too(settings: Settings) -> None:
    """The sockets of one exchange are forgotten with it, and watched again by the next."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with Deadline(60) as first:
            first.watch(ours)
        with Deadline(0.05) as second:
            second.watch(ours)
            assert ours.recv(1) == b""
        assert second.is_over and not first.is_over


WISHES = ["²", "¹²", "-5", "1e3", "9" * 400, "Mon, 99 Foo 2025", "Fri, 31 Dec 99999 00:00:00 GMT", ""]


@pytest.mark.parametrize("header", WISHES)
def test_a_wish_to_come_back_that_is_none_is_no_wish(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    clock = stop_clock(monkeypatch)

    def answer(request: Request, number: int) -> Response:
        return (503, b"", {"Retry-After": header}) if number == 1 else (200, {"items": []})

    with serving(answer) as api:
        land_partition(issues(api.url), DAY, settings, run_id="t")
    assert max(clock.naps) <= fetch.MAX_RETRY_AFTER_SECONDS
