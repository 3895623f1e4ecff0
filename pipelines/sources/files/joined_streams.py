"""Compressed streams one after the other (bzip2, xz), read to the last byte.

The standard library's readers end in silence where a later stream is damaged: half a file would pass for a whole one.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from typing import BinaryIO

CHUNK = 2**17


class JoinedStreams:
    """The content of every stream in `raw`. OSError, LZMAError or EOFError where one is damaged or cut short.

    Zeros between and behind the streams are padding, as the formats allow it.
    """

    def __init__(
        self, raw: BinaryIO, start: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
    ) -> None:
        self._raw, self._start, self._decoder = raw, start, start()

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end of the last stream."""
        data = b""
        while not data:
            if self._decoder.eof:
                packed = self._find_next_stream()
                if not packed:
                    return b""
                self._decoder = self._start()
            elif self._decoder.needs_input:
                packed = self._raw.read(CHUNK)
                if not packed:
                    raise EOFError("a compressed stream ends before its end mark")
            else:
                packed = b""
            data = self._decoder.decompress(packed, size)
        return data

    def _find_next_stream(self) -> bytes:
        packed = self._decoder.unused_data.lstrip(b"\0")
        while not packed and (chunk := self._raw.read(CHUNK)):
            packed = chunk.lstrip(b"\0")
        return packed

    def close(self) -> None:
        """The raw stream belongs to whoever opened it."""
