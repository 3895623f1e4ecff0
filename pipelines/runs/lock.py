"""One writer at a time across processes: the CLI, the UI and the nightly run share one data directory.

Whoever waits reads in the lock's file for whom, and since when; it never waits for ever.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from pipelines.file_holders import name_holders
from pipelines.lake.location import locate_lake, name_lost_server
from pipelines.log import get_logger
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.waiting import wait_for_turn

LOG = get_logger(__name__)
SECONDS_TO_WAIT = 1800
WHAT_NOW = (
    "Nothing of it was published, nothing is lost, and the last release is still served. Close that program, or wait "
    "until it is done, then run again: the next run publishes the day whole."
)


class Holder(NamedTuple):
    """Who writes: the process, since when (local time), and its command."""

    pid: int
    since: datetime
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}), which has been writing since {self.since:%Y-%m-%d %H:%M:%S}"


class Busy(RuntimeError):
    """Another run holds the warehouse and the lake for longer than anyone should wait."""

    def __init__(self, settings: Settings, wait: float, holder: Holder | None) -> None:
        super().__init__(
            f"Waited {wait:.0f} s for {holder or 'another run'} under {settings.data}. "
            "Wait for it or stop it, then run again; the last release is still served."
        )
        self.holder = holder


class ForeignFile(RuntimeError):
    """A file of ours that another account made, as one `sudo thongsuot` does; the text names it, and what to do."""


@contextmanager
def name_owner(path: Path, settings: Settings) -> Iterator[None]:
    """Inside, a right that is missing on `path` is told as ForeignFile."""
    try:
        yield
    except PermissionError as error:
        user = _name_account(os.geteuid())
        raise ForeignFile(
            f"{path} belongs to another account{_name_owner(path)} and cannot be used by {user}. "
            f"Was thongsuot run with sudo? Give it back once: sudo chown -R {user} {settings.data}. "
            "The last release is still served."
        ) from error


def _name_owner(path: Path) -> str:
    try:
        return f" ({_name_account(path.stat().st_uid)})"
    except OSError:
        return ""


def _name_account(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@contextmanager
def exclusive(settings: Settings, wait: float = SECONDS_TO_WAIT) -> Iterator[None]:
    """Hold the writer lock; the kernel releases it with the process, however that ends.

    Busy after `wait` seconds, OtherWriter where it is another machine that writes to the same lake on servers. Whoever
    waits says so at once, and again every minute. FileBusy where a program that knows nothing of this lock holds the
    catalogue or the warehouse, LakeUnreachable where a server goes away.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    # Not truncated: until the lock is ours, the file says whose it is.
    if _file(settings).exists() and not _file(settings).is_file():
        raise ForeignFile(
            f"{_file(settings)} is no plain file: take it away. The last release is still served."
        )
    with name_owner(_file(settings), settings):
        descriptor = os.open(_file(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as handle:
        # Whoever may open it may also hold it: an older one was open to every account.
        with name_owner(_file(settings), settings):
            os.fchmod(descriptor, 0o600)
        _wait_for_lock(handle, settings, wait)
        _write_holder(handle)
        with (
            name_lost_server(settings),
            locate_lake(settings).hold_catalogue(wait),
            name_holders(settings.lake / "catalog.sqlite", settings.warehouse, what_now=WHAT_NOW),
        ):
            yield


def read_holder(settings: Settings) -> Holder | None:
    """Who holds the lock now, or held it last; None where nobody wrote it down."""
    try:
        pid, since, command = _file(settings).read_text(encoding="utf-8").split("\n", 2)
        return Holder(int(pid), datetime.fromisoformat(since), command)
    except (OSError, ValueError):
        return None


def _wait_for_lock(handle: IO[str], settings: Settings, wait: float) -> None:
    def find_holder() -> Holder | str | None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            return read_holder(settings) or "another run"

    if holder := wait_for_turn(find_holder, wait, str):
        raise Busy(settings, wait, holder if isinstance(holder, Holder) else None)


def _write_holder(handle: IO[str]) -> None:
    """A full disk is no reason not to write: only the next one's message is poorer then."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    command = "".join(c if c.isprintable() else "?" for c in " ".join(words))[:120]
    try:
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n{datetime.now(LOCAL_ZONE).isoformat(timespec='seconds')}\n{command}")
        handle.flush()
    except OSError as error:
        LOG.warning("the holder of the writer lock could not be written down", error=type(error).__name__)


def _file(settings: Settings) -> Path:
    return settings.data / "writer.lock"
