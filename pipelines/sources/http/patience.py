"""A connection that waits for an answer's headers no longer than it was told, however they trickle in.

`requests` bounds each single read; a server that sends a byte now and then keeps it waiting for ever.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class _Patience:
    """For a connection of urllib3: when the time is over its socket is shut, and the read that waits ends."""

    def getresponse(self, *words: Any, **options: Any) -> Any:
        timer = threading.Timer(float(self.timeout or 0) or 3600, self._shut)  # type: ignore[attr-defined]
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse(*words, **options)  # type: ignore[misc]
        finally:
            timer.cancel()

    def _shut(self) -> None:
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]


class PatientHttp(_Patience, HTTPConnection):
    """http"""


class PatientHttps(_Patience, HTTPSConnection):
    """https"""


class PatientHttpPool(HTTPConnectionPool):
    """http"""

    ConnectionCls = PatientHttp


class PatientHttpsPool(HTTPSConnectionPool):
    """https"""

    ConnectionCls = PatientHttps


class PatientAdapter(HTTPAdapter):
    """To mount on a session for http:// and https://."""

    def init_poolmanager(self, *words: Any, **options: Any) -> None:
        super().init_poolmanager(*words, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": PatientHttpPool, "https": PatientHttpsPool}
