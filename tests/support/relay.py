"""A wire between a client and a server of this machine that can be slow, or be cut in the middle of an upload."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# The head of an upload and the beginning of its content.
BLOCK = 1024


@dataclass
class Wire:
    """`delay_seconds`: before each block goes on; `cuts`: uploads that are still to be cut, after their first block."""

    port: int = 0
    delay_seconds: float = 0
    cuts: int = 0
    uploads: int = 0


@contextmanager
def relay(port: int) -> Iterator[Wire]:
    """To a server on that port of loopback."""
    wire, loop = Wire(), asyncio.new_event_loop()
    is_ready = threading.Event()
    thread = threading.Thread(target=_serve, args=(loop, wire, port, is_ready), daemon=True)
    thread.start()
    if not (is_ready.wait(10) and wire.port):
        raise TimeoutError("the relay does not listen")
    try:
        yield wire
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _serve(loop: asyncio.AbstractEventLoop, wire: Wire, port: int, is_ready: threading.Event) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(
                _pass_on(reader, inner_writer, wire, is_upload=True),
                _pass_on(inner_reader, writer, wire, is_upload=False),
            )
        except OSError:
            for end in (inner_writer, writer):
                end.transport.abort()

    async def listen() -> None:
        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        wire.port = server.sockets[0].getsockname()[1]

    try:
        loop.run_until_complete(listen())
    finally:
        is_ready.set()
    loop.run_forever()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire, *, is_upload: bool
) -> None:
    while block := await reader.read(BLOCK):
        if wire.delay_seconds:
            await asyncio.sleep(wire.delay_seconds)
        writer.write(block)
        await writer.drain()
        if is_upload and block.startswith(b"PUT "):
            wire.uploads += 1
            if wire.cuts:
                wire.cuts -= 1
                raise ConnectionAbortedError
    writer.close()
