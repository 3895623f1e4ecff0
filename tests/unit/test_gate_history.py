"""What the gate reads of the releases before: the newest value that there is, and which nights are no example."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import cast

import duckdb
import pytest

from pipelines.gate.history import find_incidents, read_histories, read_values_before
from pipelines.lake.ledger import TABLES, Release

SHARE = ("flagged_share", "dossier_log.odd")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake; create schema lake.audit")
        for name in ("release_facts", "release_checks", "release_batches"):
            con.execute(f"create table lake.audit.{name} ({TABLES[name]})")
        yield con


def list_chain(*restores: int | None) -> list[Release]:
    return [
        cast(
            Release, SimpleNamespace(release_id=n, restores=r, as_of=datetime(2025, 8, 1) + timedelta(days=n))
        )
        for n, r in enumerate(restores, 1)
    ]


def record(con: duckdb.DuckDBPyConnection, release: int, value: float) -> None:
    con.execute("insert into lake.audit.release_facts values (?, ?, ?, ?, 1)", [release, *SHARE, value])


def test_after_a_release_without_the_fact_the_newest_that_has_it_is_the_measure(
    con: duckdb.DuckDBPyConnection,
) -> None:
    record(con, 1, 0.02)
    record(con, 2, 0.03)  # release 3: a holiday, no share
    chain = list_chain(None, None, None)
    assert read_values_before(con, chain[-1], read_histories(con, chain)) == {SHARE: 0.03}


def test_after_a_restored_release_what_it_restores_is_the_measure(con: duckdb.DuckDBPyConnection) -> None:
    record(con, 1, 0.02)
    record(con, 2, 0.9)
    chain = list_chain(None, None, 1)
    assert read_values_before(con, chain[-1], read_histories(con, chain)) == {SHARE: 0.02}


def test_an_incident_is_a_release_that_was_accepted_or_whose_batch_was_taken_out(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert find_incidents(con) == frozenset()
    batches = [
        (1, "a", "current"), (2, "b", "current"), (3, "c", "current"),
        (4, "b", "withdrawn"),  # came with 2
        (1, "old", "superseded"),  # never counted
        (6, "c", "superseded"),  # pulled again; came with 3
    ]  # fmt: skip
    for release, batch, standing in batches:
        con.execute(
            "insert into lake.audit.release_batches values (?, 's', '2025-08-01', ?, '', ?)",
            [release, batch, standing],
        )
    for release, outcome in ((5, "warned"), (8, "accepted"), (9, "passed")):
        row = [release, outcome]
        con.execute(
            "insert into lake.audit.release_checks values (?, 'r', 's', 'critical', ?, 1, 1, 1, 1, '', '', '', '')",
            row,
        )
    assert find_incidents(con) == {2, 3, 4, 6, 8}
    record(con, 8, 0.5)
    [night] = read_histories(con, list_chain(*[None] * 9))[SHARE].nights
    assert night.is_incident
