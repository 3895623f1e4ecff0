"""A lake on servers has one writer, over all machines and data directories that name it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pipelines.lake.location import HOLDER, WRITER_LOCK
from pipelines.lake.server_errors import OtherWriter
from pipelines.runs.lock import exclusive
from pipelines.settings import Settings
from tests.support.servers import grant_reading


def test_a_second_machine_is_refused_by_name_while_one_writes(remote: Settings, tmp_path: Path) -> None:
    elsewhere = replace(remote, data=tmp_path / "elsewhere")
    refusal = pytest.raises(OtherWriter, match=r"process \d+ on .* since .*Nothing was published")
    with exclusive(remote), refusal, exclusive(elsewhere):
        pass
    with exclusive(elsewhere):
        pass


def test_a_second_machine_with_another_role_is_refused_by_name_too(remote: Settings, tmp_path: Path) -> None:
    """PostgreSQL tells a role since when its own connections stand, and not others'."""
    elsewhere = replace(grant_reading(remote, "reader_of_lakes"), data=tmp_path / "elsewhere")
    refusal = pytest.raises(OtherWriter, match=r"written to by process \d+ on \S+: a lake has one writer")
    with exclusive(remote), refusal, exclusive(elsewhere):
        pass


def test_who_writes_to_another_lake_of_the_server_is_not_named(
    remote: Settings, postgres_server: str
) -> None:
    assert remote.lake_servers
    catalogues = (remote.lake_servers.catalogue, postgres_server)
    locks = [psycopg.connect(catalogue, application_name=catalogue[-40:]) for catalogue in catalogues]
    holders = []
    for con in locks:
        con.execute("select pg_advisory_xact_lock(%s)", [WRITER_LOCK])
    for con in locks:
        holders.append([name for name, _ in con.execute(HOLDER, [WRITER_LOCK]).fetchall()])
    for con in locks:
        con.close()
    assert holders == [[catalogue[-40:]] for catalogue in catalogues]
