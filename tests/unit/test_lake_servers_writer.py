"""A lake on servers has one writer, over all machines and data directories that name it."""

from __future__ import annotations

import ast
import logging
import threading
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg
import pytest

from pipelines.lake.catalogue import initialise_lake, label_transaction, open_lake
from pipelines.lake.catalogue_lock import HOLDER, WRITER_LOCK
from pipelines.lake.location import name_lost_server
from pipelines.lake.server_errors import LakeUnreachable, OtherWriter
from pipelines.runs.lock import exclusive
from pipelines.settings import PROJECT, Settings
from tests.support.servers import grant_reading


def test_a_second_machine_is_refused_by_name_while_one_writes(remote: Settings, tmp_path: Path) -> None:
    elsewhere = replace(remote, data=tmp_path / "elsewhere")
    refusal = pytest.raises(OtherWriter, match=r"process \d+ on .* since .*Nothing was published")
    with exclusive(remote), refusal, exclusive(elsewhere, 0):
        pass
    with exclusive(elsewhere):
        pass


def test_a_second_machine_with_another_role_is_refused_by_name_too(remote: Settings, tmp_path: Path) -> None:
    """PostgreSQL tells a role since when its own connections stand, and not others'."""
    elsewhere = replace(grant_reading(remote, "reader_of_lakes"), data=tmp_path / "elsewhere")
    refusal = pytest.raises(OtherWriter, match=r"written to by process \d+ on \S+, and a lake has one writer")
    with exclusive(remote), refusal, exclusive(elsewhere, 0):
        pass


def test_a_second_machine_waits_says_for_whom_and_then_writes(
    remote: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = replace(remote, data=tmp_path / "elsewhere")
    with caplog.at_level(logging.WARNING, "pipelines"):
        first = psycopg.connect(describe_catalogue(remote), application_name="the first")
        first.execute("select pg_advisory_xact_lock(%s)", [WRITER_LOCK])
        give_back = threading.Timer(0.2, first.close)
        give_back.start()
        with exclusive(elsewhere, 60):
            give_back.join()
    [record] = caplog.records
    assert record.message.startswith("waiting for the first since 20")


def test_nothing_is_written_without_the_lock_whether_it_was_never_there_or_is_lost(
    remote: Settings, postgres_server: str
) -> None:
    with exclusive(remote), open_lake(remote, read_only=False) as con:
        initialise_lake(con)
        con.execute("begin")
        with psycopg.connect(postgres_server) as pg:
            ended = pg.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^process '"
            ).fetchall()
        assert ended == [(True,)]
        with pytest.raises(LakeUnreachable, match=r"lets nobody in: .*terminat"):
            label_transaction(con, "a", "b")
    few = grant_reading(remote, "of_few_connections")
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        pg.execute("alter role of_few_connections connection limit 0")
        with exclusive(few):
            pg.execute("alter role of_few_connections connection limit -1")
            with pytest.raises(LakeUnreachable, match="too many connections for role"):
                open_lake(few, read_only=False)


def list_committing() -> list[tuple[str, set[str]]]:
    """Each function that commits to the lake, and what it calls."""
    functions = []
    for path in sorted(
        path for room in ("lake", "releases") for path in (PROJECT / "pipelines" / room).glob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
                if any(call.args and ast.unparse(call.args[0]) == "'commit'" for call in calls):
                    names = {ast.unparse(call.func).rpartition(".")[2] for call in calls}
                    functions.append((f"{path.name}: {node.name}", names))
    return functions


def test_every_commit_to_the_lake_comes_after_a_look_at_the_lock() -> None:
    """`label_transaction` has it; what writes to the catalogue's own tables labels nothing."""
    committing = list_committing()
    assert len(committing) >= 9
    assert [place for place, names in committing if not names & {"label_transaction", "confirm_lock"}] == []


def describe_catalogue(settings: Settings) -> str:
    assert settings.lake_servers
    return settings.lake_servers.catalogue


def test_who_writes_to_another_lake_of_the_server_is_not_named(
    remote: Settings, postgres_server: str
) -> None:
    catalogues = (describe_catalogue(remote), postgres_server)
    locks = [psycopg.connect(catalogue, application_name=catalogue[-40:]) for catalogue in catalogues]
    holders = []
    for con in locks:
        con.execute("select pg_advisory_xact_lock(%s)", [WRITER_LOCK])
    for con in locks:
        holders.append([name for name, _ in con.execute(HOLDER, [WRITER_LOCK]).fetchall()])
    for con in locks:
        con.close()
    assert holders == [[catalogue[-40:]] for catalogue in catalogues]


@pytest.mark.parametrize(
    "words",  # of libpq (fe-secure.c, fe-secure-openssl.c)
    [
        "server closed the connection unexpectedly",
        "SSL connection has been closed unexpectedly",
        "SSL SYSCALL error: EOF detected",
        "SSL SYSCALL error: Connection reset by peer",
        "could not receive data from server: Connection timed out",
        "could not send data to server: Broken pipe",
    ],
)
def test_a_connection_that_broke_off_is_told_as_that_also_where_the_server_is_back(
    remote: Settings, words: str
) -> None:
    with pytest.raises(LakeUnreachable, match=words), name_lost_server(remote):
        raise duckdb.IOException(f"Failed to execute query: {words}")
