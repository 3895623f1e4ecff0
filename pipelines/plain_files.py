"""Files that people put where a setting says: read to their end, which a pipe, a device or a folder does not have."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO

# Nobody writes more by hand.
LARGEST = 8 * 2**20


class NotPlain(ValueError):
    """No file with an end, or far more than anybody writes; the text says which, without the path."""


def read_plain_bytes(path: Path, most: int = LARGEST) -> bytes:
    """The whole file; NotPlain for what has no end or is longer than `most`, OSError where it cannot be opened.

    A pipe is not waited for.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode):
        os.close(descriptor)
        raise NotPlain("it is no plain file (a folder, a pipe or a device)")
    with os.fdopen(descriptor, "rb") as stream:
        if about.st_size > most:
            raise NotPlain(f"it is larger than {most} bytes")
        content = stream.read(most + 1)
    if len(content) > most:  # it grows, or says nothing of its size
        raise NotPlain(f"it is larger than {most} bytes")
    return content


class TooDeep(OSError):
    """Folders in folders, more than anybody makes; the text names where they begin."""


def list_below(folder: Path, pattern: str = "*") -> list[Path]:
    """What lies below the folder at any depth, in order; TooDeep where its paths have no end that can be reached."""
    try:
        return sorted(folder.rglob(pattern))
    except RecursionError:
        raise TooDeep(
            errno.ELOOP, f"folders lie in folders without end: take away what nobody put there: {folder}"
        ) from None


def read_plain_text(path: Path, most: int = LARGEST) -> str:
    """The same as UTF-8; UnicodeDecodeError, a ValueError like NotPlain, where it is none."""
    return read_plain_bytes(path, most).decode("utf-8")


def open_lock_file(path: Path) -> IO[str]:
    """A file to hold a lock on, made where there is none; NotPlain for what is none. A pipe is not waited for."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain("it is no plain file (a folder, a pipe or a device)")
    return os.fdopen(descriptor, "r+", encoding="utf-8")
