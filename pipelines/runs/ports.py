"""A port of this machine: free, or whose it is; and one UI per data directory."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.settings import Settings

# Where `thongsuot superset` listens unless another port is asked for.
SUPERSET_PORT = 8088


class PortTaken(RuntimeError):
    """Something else listens there; the text names the process and another port."""


class UiRunning(RuntimeError):
    """The data directory has a UI already; the text says where."""


def ensure_free(host: str, port: int) -> None:
    """PortTaken where nothing more can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if isinstance(error, socket.gaierror):
                raise PortTaken(f"{host!r} is no address of this machine: --host 127.0.0.1") from None
            pid = find_listener(port)
            who = f" by process {pid} ({_read_command(pid)})" if pid else ""
            raise PortTaken(
                f"Port {port} is taken{who}: end that process, or choose --port {port + 1}."
            ) from None


def find_listener(port: int) -> int | None:
    """The process that listens on the port; None where the system does not tell."""
    inodes = {
        inode for table in ("tcp", "tcp6") for inode in _list_listening(Path("/proc/net") / table, port)
    }
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        with suppress(OSError):  # another user's, or closed since
            if str(descriptor.readlink()) in sockets:
                return int(descriptor.parts[2])
    return None


def _list_listening(table: Path, port: int) -> Iterator[str]:
    """Inodes of sockets in state LISTEN (0A) on the port, from the kernel's own table."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]


def _read_command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended since"
    return " ".join(words).strip()[:80]


@contextmanager
def own_ui(settings: Settings, address: str) -> Iterator[None]:
    """UiRunning where another UI serves this data directory; the kernel lets the mark go with the process."""
    settings.dagster.mkdir(parents=True, exist_ok=True)
    with (settings.dagster / "ui.lock").open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            raise UiRunning(
                f"{settings.data} has a UI already: {handle.read().strip() or 'it is starting'}. One is enough; "
                "two daemons would start every schedule twice."
            ) from None
        handle.truncate(0)
        handle.write(f"{address}, process {os.getpid()}")
        handle.flush()
        yield


def find_ui(settings: Settings) -> str | None:
    """The address of the UI that serves this data directory now; None where none does."""
    path = settings.dagster / "ui.lock"
    if not path.exists():
        return None
    with path.open("a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            return handle.read().partition(",")[0] or None
    return None
