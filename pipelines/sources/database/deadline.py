"""One deadline for a whole pull from a database: connecting, the statement, its rows.

No driver promises one for all of it, and DuckDB interrupts only itself: what waits inside a driver waits for a socket,
and ends when that is shut down from another thread. A file has no socket: what SQLite computes is tried first, where
it can be interrupted.
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521, "mssql": 1433}
# Between two tries to end what still runs: a driver may connect once more.
PAUSE_SECONDS = 0.5
ROWS_AT_ONCE = 10_000


class PullDeadline:
    """A block that is stopped after `seconds`: `stops` are called, connections to the address are shut down."""

    def __init__(self, seconds: float, url: sa.URL, *stops: Callable[[], object]) -> None:
        self.is_over = False
        self._seconds, self._url, self._stops = seconds, url, [*stops]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PullDeadline:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def add_stop(self, stop: Callable[[], object]) -> None:
        """Also called at the deadline, from another thread."""
        self._stops.append(stop)

    def _watch(self) -> None:
        if self._ended.wait(self._seconds):
            return
        self.is_over = True
        running: dict[int, threading.Thread] = {}
        while not self._ended.is_set():
            # A driver may ask its server to stop, and wait for that, too.
            for number, stop in enumerate([*self._stops]):
                if number not in running or not running[number].is_alive():
                    running[number] = threading.Thread(target=_call, args=(stop,), daemon=True)
                    running[number].start()
            if self._ended.wait(PAUSE_SECONDS):
                return
            for connection in _list_connections(self._url):
                with connection, suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _call(stop: Callable[[], object]) -> None:
    with suppress(Exception):  # already closed, or nothing runs just now
        stop()


def require_end(url: sa.URL, statement: str, deadline: PullDeadline) -> None:
    """Runs a SQLite statement to its last row, which is not kept; sqlite3.Error at the deadline.

    DuckDB could not stop it. A table ends by itself, so only views and queries need it. What else is wrong with the
    statement DuckDB tells, whose SQLite may be another version.
    """
    file = Path(str(url.database)).resolve().as_uri()
    with closing(sqlite3.connect(f"{file}?mode=ro", uri=True, check_same_thread=False)) as con:
        deadline.add_stop(con.interrupt)
        try:
            rows = con.execute(statement)
            while rows.fetchmany(ROWS_AT_ONCE):
                pass
        except sqlite3.Error:
            if deadline.is_over:
                raise


def _list_connections(url: sa.URL) -> Iterator[socket.socket]:
    """Twins of this process's sockets that are connected to the address."""
    port = url.port or PORTS.get(url.get_backend_name())
    hosts = str(url.query.get("host", url.host) or "localhost").split(",")
    addresses = {host for host in hosts if host.startswith("/")}
    for host in hosts:
        with suppress(OSError):
            addresses |= {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    for descriptor in os.listdir("/dev/fd"):  # noqa: PTH208
        with suppress(OSError):
            if not stat.S_ISSOCK(os.fstat(int(descriptor)).st_mode):
                continue
            twin = socket.socket(fileno=os.dup(int(descriptor)))
            if _is_at(twin, addresses, port):
                yield twin
            else:
                twin.close()


def _is_at(connection: socket.socket, addresses: set[str], port: int | None) -> bool:
    try:
        peer = connection.getpeername()
    except OSError:  # it listens, or is no longer connected
        return False
    if isinstance(peer, tuple):
        return re.sub("^::ffff:", "", str(peer[0])) in addresses and peer[1] == port
    return bool(peer) and str(Path(os.fsdecode(peer)).parent) in addresses
