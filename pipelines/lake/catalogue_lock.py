"""The writer's lock of a catalogue in PostgreSQL: one writer over all machines and data directories that name it.

A stage that only lands or builds goes on without it; nothing is written to the lake without it (`confirm_lock`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from pipelines.lake.server_errors import LakeUnreachable, OtherWriter
from pipelines.waiting import wait_for_turn

# Of the database; any number that no other program takes.
WRITER_LOCK = 7_468_110
# Locks of all databases of the server are listed; another one may be another province's lake.
HOLDER = """select application_name, backend_start from pg_stat_activity join pg_locks using (pid)
    where locktype = 'advisory' and (classid, objid, objsubid) = (0, %s, 1) and granted
    and database = (select oid from pg_database where datname = current_database())"""
PAUSE_SECONDS = 0.5


class Writer(NamedTuple):
    """Who writes; `since` is None where it is gone by now, or PostgreSQL keeps it from our role."""

    name: str = ""
    since: datetime | None = None

    def __str__(self) -> str:
        began = f" since {self.since:%Y-%m-%d %H:%M:%S}" if self.since else ""
        return f"{self.name or 'somebody else'}{began}"


@dataclass(frozen=True)
class CatalogueLock:
    """`con`: holds it as long as it stands; `error`: why there is none."""

    place: str
    con: psycopg.Connection | None
    error: psycopg.Error | None = None

    def confirm(self) -> None:
        error = self.error
        try:
            if self.con:
                self.con.execute("select 1")
        except psycopg.Error as lost:
            error = lost
        if error:
            raise LakeUnreachable(self.place, error) from None


_CURRENT: ContextVar[CatalogueLock | None] = ContextVar("catalogue_lock", default=None)


@contextmanager
def hold_lock(place: str, options: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Until the block ends, or the connection does, however that comes. OtherWriter where another has it for longer.

    `options`: of the connection. A server that does not answer is told by whoever writes to the lake then.
    """
    with ExitStack() as stack:
        try:
            con = psycopg.connect(**{**options, "application_name": _name_process()})
            stack.enter_context(closing(con))
            writer = wait_for_turn(lambda: _find_writer(con), seconds, str, PAUSE_SECONDS)
            lock = CatalogueLock(place, con)
        except psycopg.Error as error:
            writer, lock = None, CatalogueLock(place, None, error)
        if writer:
            raise OtherWriter(place, str(writer), seconds)
        token = _CURRENT.set(lock)
        try:
            yield
        finally:
            _CURRENT.reset(token)


def confirm_lock() -> None:
    """LakeUnreachable where the lock that this writer holds was never there, or is lost: another may be writing."""
    if lock := _CURRENT.get():
        lock.confirm()


def _find_writer(con: psycopg.Connection) -> Writer | None:
    """None: the lock is ours, until the transaction ends. Else a new one sees who writes by then."""
    # A machine that lost its power gives the lock back after a minute.
    for name, value in (("idle", 30), ("interval", 10), ("count", 3)):
        con.execute(f"set tcp_keepalives_{name} = {value}")
    con.execute("set idle_in_transaction_session_timeout = 0")
    if con.execute("select pg_try_advisory_xact_lock(%s)", [WRITER_LOCK]).fetchone() == (True,):
        return None
    row = con.execute(HOLDER, [WRITER_LOCK]).fetchone()
    con.rollback()
    return Writer(*row) if row else Writer()


def _name_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
