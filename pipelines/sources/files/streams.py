"""Compressed or otherwise encoded files, as DuckDB reads them: a file system of streams in memory.

Every opening starts a fresh stream, so that nothing is unpacked to disk and memory stays constant.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

import duckdb
from fsspec.spec import AbstractFileSystem

# DuckDB reads no further than the size it was told, and takes the end from an empty read.
UNKNOWN_SIZE = 2**50


class StreamFiles(AbstractFileSystem):
    """`thongsuot://0`, … → the streams that were added; `failure`: the stream that broke, and why."""

    protocol = "thongsuot"
    cachable = False

    def __init__(self) -> None:
        super().__init__(skip_instance_cache=True)
        self._open_one: list[Callable[[], BinaryIO]] = []
        self._contents: dict[str, bytes] = {}
        self.failure: tuple[str, Exception] | None = None

    def add(self, opener: Callable[[], BinaryIO]) -> str:
        self._open_one.append(opener)
        return f"{self.protocol}://{len(self._open_one) - 1}"

    def add_content(self, content: bytes) -> str:
        """A file that is whole in memory, to be read from any place."""
        name = self.add(lambda: io.BytesIO(content))
        self._contents[name] = content
        return name

    def open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if path in self._contents:
            return io.BytesIO(self._contents[path])
        return _Forward(self, path, self._open_one[int(path.rpartition("/")[2])])

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        size = len(self._contents[path]) if path in self._contents else UNKNOWN_SIZE
        return {"name": path, "size": size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """Each stream is a file that never changes."""
        return datetime(2000, 1, 1, tzinfo=UTC)

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        return True


class _Forward(io.RawIOBase):
    """Reads on; a step back reopens the stream and reads up to there."""

    def __init__(self, files: StreamFiles, path: str, opener: Callable[[], BinaryIO]) -> None:
        self._files, self._path, self._opener, self._at = files, path, opener, 0
        self._stream = self._guarded(opener)

    def _guarded(self, work: Callable[..., Any], *words: Any) -> Any:
        try:
            return work(*words)
        except Exception as error:
            self._files.failure = (self._path, error)
            raise

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != 0:
            raise io.UnsupportedOperation("only absolute positions")
        if offset < self._at:
            self._stream.close()
            self._stream, self._at = self._guarded(self._opener), 0
        while self._at < offset and self.read(min(2**20, offset - self._at)):
            pass
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        pieces, left = [], UNKNOWN_SIZE if size is None or size < 0 else size
        while left > 0 and (piece := self._guarded(self._stream.read, min(left, 2**24))):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        self._at += len(data)
        return data

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


@contextmanager
def register_streams(con: duckdb.DuckDBPyConnection) -> Iterator[StreamFiles]:
    """A file system of streams in this connection for as long as the block."""
    files = StreamFiles()
    con.register_filesystem(files)
    try:
        yield files
    finally:
        con.unregister_filesystem(StreamFiles.protocol)
