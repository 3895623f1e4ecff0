"""Files that people put where a setting says: read to their end, which a pipe, a device or a folder does not have."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

# Nobody writes more by hand.
LARGEST = 8 * 2**20
# Nobody makes more levels of folders; ours are fewer than ten.
DEEPEST = 100


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


def walk_below(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As os.walk, whose own depth ends at Python's: (folder, folders in it, names of all else); links are not followed.

    Who takes a name out of the folders keeps it from being entered. What may not be read is left out. TooDeep below
    `DEEPEST` levels.
    """
    waiting = [(top, 0)]
    while waiting:
        folder, depth = waiting.pop()
        if depth > DEEPEST:
            raise TooDeep(
                errno.ELOOP,
                f"folders lie in folders without end below {top}: take away what nobody put there",
            )
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        folders = [entry.name for entry in entries if _is_folder(entry)]
        links = {entry.name for entry in entries if entry.is_symlink()}
        yield folder, folders, [entry.name for entry in entries if not _is_folder(entry)]
        waiting += [(folder / name, depth + 1) for name in reversed(folders) if name not in links]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def list_below(top: Path, pattern: str = "*") -> list[Path]:
    """What lies below `top` at any depth and is called so, folders among them, in order; TooDeep as above."""
    return sorted(
        folder / name
        for folder, folders, names in walk_below(top)
        for name in (*folders, *names)
        if fnmatchcase(name, pattern)
    )


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
