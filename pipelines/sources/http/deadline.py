"""One deadline for a whole exchange: connecting, TLS, headers and body, however slowly they trickle in.

`requests` times each read: a server that sends a byte in time, for ever, is never late. At the deadline the
connection is shut down from another thread, and whoever reads from it is done.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

CURRENT: ContextVar[Deadline | None] = ContextVar("CURRENT", default=None)


class Deadline:
    """For the connections that the block's thread uses, of a session that `watch_connections` has."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._lock, self._twins = threading.Lock(), list[socket.socket]()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._token = CURRENT.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        CURRENT.reset(self._token)
        with self._lock:
            while self._twins:
                self._twins.pop().close()

    def watch(self, connection: socket.socket) -> None:
        """A twin of the socket: TLS takes the socket itself over, and would not let it go."""
        twin = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._twins.append(twin)
        if self.is_over:
            self._end()

    def _end(self) -> None:
        self.is_over = True
        with self._lock:
            for twin in self._twins:
                with suppress(OSError):  # closed by the other side meanwhile
                    twin.shutdown(socket.SHUT_RDWR)


def watch_connections(session: requests.Session) -> None:
    """Every connection of the session, also through a proxy, is under the deadline that is current."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _WatchedAdapter())


class _Watched:
    """What both kinds of connection add."""

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        _watch(connection)
        return connection

    def request(self, *positions: Any, **options: Any) -> None:
        if (connection := getattr(self, "sock", None)) is not None:  # kept from an earlier question
            _watch(connection)
        super().request(*positions, **options)  # type: ignore[misc]


def _watch(connection: socket.socket) -> None:
    if deadline := CURRENT.get():
        deadline.watch(connection)


class _HTTPConnection(_Watched, HTTPConnection):
    pass


class _HTTPSConnection(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _WatchedAdapter(HTTPAdapter):
    def init_poolmanager(self, *positions: Any, **options: Any) -> None:
        super().init_poolmanager(*positions, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def proxy_manager_for(self, *positions: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*positions, **options)
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager
