"""What lies in a file, compressed or not, as streams that never give more than the limits allow.

Compression is told by the first bytes, not by the name. Nothing is unpacked to disk: the originals hold
personal data.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from pipelines.sources.contracts.options.files import FileLimits, FileOptions
from pipelines.sources.files.formats import find_format
from pipelines.sources.files.formats.foreign import WORKBOOK, find_zip_kind
from pipelines.sources.files.joined_streams import JoinedStreams
from pipelines.sources.files.zip_directory import RATIO_FROM, check_directory

MIB = 2**20
ZIP_MAGIC = b"PK\x03\x04"
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
WORKBOOK_PARTS = {"xl/workbook.xml", "xl/workbook.bin"}


class Member(NamedTuple):
    """One export: a file, or one member of a .zip. `plain`: its bytes lie on disk as they are read."""

    name: str
    file: Path
    open: Callable[[], BinaryIO]
    plain: bool

    def sample(self, size: int = 65536) -> bytes:
        with self.open() as stream:
            return stream.read(size)


def list_members(file: Path, options: FileOptions) -> Iterator[Member]:
    """The exports in `file`. ValueError where it is a hostile or protected archive."""
    with file.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(ZIP_MAGIC) and not find_format(options.format).is_zip:
        yield from _zipped(file, options)
    elif (unpack := _unpacker(start)) is not None:
        yield Member(file.name, file, partial(_limited, file, unpack, options.limits), plain=False)
    else:
        yield Member(file.name, file, partial(open_plain, file), plain=True)


def open_plain(file: Path) -> BinaryIO:
    """The file's own bytes."""
    return file.open("rb")


def _unpacker(start: bytes) -> Callable[[BinaryIO], Any] | None:
    if start.startswith(b"\x1f\x8b"):
        return lambda raw: gzip.GzipFile(fileobj=raw)
    if start.startswith(b"BZh") and start[4:8] == b"1AY&":
        return lambda raw: JoinedStreams(raw, bz2.BZ2Decompressor)
    if start.startswith(b"\xfd7zXZ\x00"):
        return lambda raw: JoinedStreams(raw, partial(lzma.LZMADecompressor, lzma.FORMAT_XZ))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return lambda raw: pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
    return None


def _limited(file: Path, unpack: Callable[[BinaryIO], Any], limits: FileLimits) -> BinaryIO:
    raw = file.open("rb")
    return io.BufferedReader(Limited(unpack(raw), file.stat().st_size, limits, also_close=raw), MIB)


def _zipped(file: Path, options: FileOptions) -> Iterator[Member]:
    with _archive(file) as archive:
        limits = options.limits
        check_directory(archive, members=limits.members, unpacked_mb=limits.unpacked_mb, ratio=limits.ratio)
        if kind := find_zip_kind(archive):
            raise ValueError(str(kind))
        entries = [e for e in archive.infolist() if not e.is_dir() and not _litter(e.filename)]
    chosen = [e for e in entries if fnmatch(Path(e.filename).name, options.members)]
    if any(e.filename in WORKBOOK_PARTS for e in entries):
        raise ValueError(str(WORKBOOK))
    if not chosen:
        raise ValueError(
            f"no member fits `members: {options.members}`; found "
            f"{', '.join(repr(e.filename) for e in entries[:10]) or 'nothing'}"
        )
    for entry in chosen:
        opened = partial(_member, file, entry.filename, entry.compress_size, options.limits)
        with opened() as stream:
            start = stream.read(8)
        if start.startswith(ZIP_MAGIC) or _unpacker(start):
            raise ValueError(f"member {entry.filename!r} is compressed once more; deliver it unpacked")
        yield Member(f"{file.name}!{entry.filename}", file, opened, plain=False)


def _litter(name: str) -> bool:
    """What macOS, Windows and an open workbook leave in archives."""
    own = Path(name).name
    return name.startswith("__MACOSX/") or own.startswith("~$") or own in LITTER


def _archive(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"not a readable ZIP archive ({error}); was it cut short?") from None


def _member(file: Path, name: str, packed: int, limits: FileLimits) -> BinaryIO:
    archive = _archive(file)
    try:
        stream = archive.open(name)
    # What the directory says of a member need not be what stands at its place.
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError, OSError) as error:
        archive.close()
        raise ValueError(f"member {name!r} cannot be unpacked ({error}); was the archive damaged?") from None
    return io.BufferedReader(Limited(stream, packed, limits, also_close=archive), MIB)


class Limited(io.RawIOBase):
    """A stream that refuses to go on where its source unpacks to too much (the directory may lie)."""

    def __init__(self, stream: Any, packed: int, limits: FileLimits, also_close: Any) -> None:
        self._stream, self._packed, self._limits, self._also = stream, max(1, packed), limits, also_close
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _read(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except (EOFError, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException, OSError) as error:
            raise ValueError(f"damaged or cut short while unpacking ({str(error)[:100]})") from None
        except Exception as error:  # zlib.error and what a codec raises on garbage
            raise ValueError(f"cannot be unpacked ({type(error).__name__})") from None
        self._size += len(data)
        if self._size > self._limits.unpacked_mb * MIB:
            raise ValueError(f"it unpacks to more than the {self._limits.unpacked_mb} MiB allowed")
        if self._size > max(RATIO_FROM, self._packed * self._limits.ratio):
            raise ValueError(
                f"it unpacks to more than {self._limits.ratio} times its size (`limits.ratio`): a bomb"
            )
        return bytes(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._also.close()
        super().close()
