"""A server that answers every request with the bytes it was given last."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from functools import cache


class _Wire:
    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.answer = b""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            peer, _ = self.server.accept()
            with suppress(OSError), peer:
                peer.recv(65536)
                peer.sendall(self.answer)
                peer.shutdown(socket.SHUT_WR)


@cache
def _wire() -> _Wire:
    return _Wire()


def serve_answers(answer: bytes) -> str:
    """The address that gives this answer from now on."""
    wire = _wire()
    wire.answer = answer
    return f"http://127.0.0.1:{wire.server.getsockname()[1]}/rows"
