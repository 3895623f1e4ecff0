"""Workbooks, read in a limited process of their own, so that none can take the line down.

One process per workbook: it costs a twentieth of a second. Here: what is handed to it, and what its end
means. How a sheet becomes records: `spreadsheet`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.settings import PROJECT
from pipelines.sources.files.formats.foreign import describe_text, find_json, find_kind
from pipelines.sources.files.formats.fragment import ReadSession, TableFragment, Unreadable
from pipelines.sources.files.formats.spreadsheet import read_sheet
from pipelines.sources.files.unpacking import MIB, Member

CHILD = Path(__file__).with_name("workbook_child.py")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_workbook(session: ReadSession, member: Member) -> Iterator[TableFragment]:
    """A part per sheet; each is selected from before the next is asked for: rows pass by only once."""
    try:
        sample = member.sample(65536)
        if wrong := _find_fault(sample):
            raise ValueError(wrong)
        with _run_child(session, member) as lines:
            notes: list[str] = []
            message = next(lines)
            while "done" not in message:
                if "notes" in message:
                    notes += message["notes"]
                    message = next(lines)
                    continue
                rows = _Rows(lines)
                constants = (session.source.sheets or {}).get(message["pattern"], {})
                yield read_sheet(session, member, message, rows, constants, notes)
                notes = []
                message = rows.skip_rest()
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(member, str(error)) from None


class _Rows:
    """One sheet's rows from the stream."""

    def __init__(self, lines: Iterator[Any]) -> None:
        self._lines = lines
        self._next: Any = None

    def __iter__(self) -> Iterator[tuple[int, list[Any]]]:
        return self

    def __next__(self) -> tuple[int, list[Any]]:
        if self._next is None:
            message = next(self._lines)
            if isinstance(message, list):
                return message[0], message[1]
            self._next = message
        raise StopIteration

    def skip_rest(self) -> Any:
        for _ in self:
            pass
        return self._next


def _find_fault(sample: bytes) -> str | None:
    if kind := find_kind(sample) or find_json(sample):
        return str(kind)
    if sample.startswith((ZIP, OLE)):
        return None
    return describe_text(sample) or "it is no workbook, though its name says so"


def make_request(session: ReadSession, member: Member) -> dict[str, Any]:
    """What the child is asked (workbook_child.py): the workbook, which sheets, and its limits."""
    limits = session.source.limits
    return {
        "path": str(member.file) if member.plain else None,
        "project": str(PROJECT),
        "sheets": list(session.source.sheets or {}),
        "header_marker": session.source.header_marker,
        "memory_mb": limits.workbook_memory_mb,
        "seconds": limits.workbook_seconds,
        "unpacked_mb": limits.workbook_unpacked_mb,
        "members": limits.members,
        "ratio": limits.ratio,
    }


@contextmanager
def _run_child(session: ReadSession, member: Member) -> Iterator[Iterator[Any]]:
    """The child's lines; it does not outlive the block."""
    limits = session.source.limits
    child = subprocess.Popen(
        [sys.executable, "-I", "-B", str(CHILD), json.dumps(make_request(session, member))],
        stdin=subprocess.DEVNULL if member.plain else subprocess.PIPE,
        stdout=subprocess.PIPE,
        # What a parser says when it breaks may quote cells.
        stderr=subprocess.DEVNULL,
        env={"PYTHONUTF8": "1", "LC_ALL": "C.UTF-8"},
        cwd="/",
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(limits.workbook_seconds + 1, stop)
    timer.daemon = True
    timer.start()
    feeder = None
    if not member.plain:
        data = _bytes(member, limits.workbook_unpacked_mb)
        feeder = threading.Thread(target=_feed, args=(child, data), daemon=True)
        feeder.start()
    try:
        yield _read_messages(child, late, session)
    finally:
        timer.cancel()
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()
        if feeder is not None:
            feeder.join()


def _bytes(member: Member, limit_mb: int) -> bytes:
    with member.open() as stream:
        data = stream.read(limit_mb * MIB + 1)
    if len(data) > limit_mb * MIB:
        raise ValueError(f"it unpacks to more than {limit_mb} MiB (`limits.workbook_unpacked_mb`)")
    return data


def _feed(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    try:
        with child.stdin as stream:
            stream.write(data)
    except OSError:
        pass  # the child ended before it had read all; its own words say why


def _read_messages(
    child: subprocess.Popen[bytes], late: threading.Event, session: ReadSession
) -> Iterator[Any]:
    limits, size = session.source.limits, 0
    assert child.stdout is not None
    for line in child.stdout:
        size += len(line)
        if size > 4 * limits.workbook_unpacked_mb * MIB:
            raise ValueError("its cells hold far more text than the workbook itself: a bomb")
        if not line.endswith(b"\n"):
            break
        message = json.loads(line)
        if isinstance(message, dict) and "error" in message:
            raise ValueError(_out_of_memory(session) if message["error"] == "memory" else message["error"])
        yield message
        if isinstance(message, dict) and "done" in message:
            return
    ended = child.wait()
    if late.is_set() or ended in (-signal.SIGXCPU, -signal.SIGKILL):
        raise ValueError(
            f"reading it took more than {limits.workbook_seconds} s (`limits.workbook_seconds`), and was "
            f"stopped: a hostile or bloated workbook. Ask for the plain table, or for CSV"
        )
    raise ValueError(_out_of_memory(session))


def _out_of_memory(session: ReadSession) -> str:
    return (
        f"reading it took more than {session.source.limits.workbook_memory_mb} MiB "
        f"(`limits.workbook_memory_mb`), and was stopped: a hostile or bloated workbook. "
        f"Ask for the plain table, or for CSV"
    )
