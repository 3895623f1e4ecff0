"""With which deliveries the gate compares a build: lists and days by hand, in a lake of one table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, cast

import duckdb
import pytest

from pipelines import duck
from pipelines.gate import keys
from pipelines.gate.facts import Fact
from pipelines.gate.keys import compare_keys, list_counted
from pipelines.lake.ledger import Release
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import load_contracts

PREVIOUS = cast(Release, SimpleNamespace(release_id=1, restores=None, as_of=datetime(2025, 8, 6)))
LOG, TASKS = "dossier_log", "task_tracker"


class Delivery(NamedTuple):
    """`standing`: in the release before, None where it came since; `keys`: how many rows; `counts`: now."""

    day: str
    batch: str
    keys: int
    standing: str | None = "current"
    counts: bool = True


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake")
        con.execute("create schema lake.audit")
        con.execute(
            "create table lake.audit.release_batches (release_id bigint, source varchar, partition_key date, "
            "batch_id varchar, sha256 varchar, standing varchar)"
        )
        con.execute(
            "create table batches (source varchar, partition_key date, batch_id varchar, is_current boolean, "
            "is_accepted boolean, rows_accepted bigint)"
        )
        yield con


def compare(
    con: duckdb.DuckDBPyConnection, data: Path, source: str, deliveries: list[Delivery]
) -> list[tuple[float, float]]:
    """(share, number) of the lost keys of each comparison that found keys before."""
    settings = Settings(data=data)
    canonical = read_canon().sources[source]
    columns = ", ".join(
        f"'K' || n::varchar as {duck.identifier(column)}" for column in canonical.item or canonical.key
    )
    for day, batch, count, standing, counts in deliveries:
        folder = settings.quality / source / day
        folder.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"copy (select {columns} from range({count}) as t (n)) to '{folder}/{batch}.accepted.parquet'"
        )
        if standing:
            row = [1, source, day, batch, "", standing]
            con.execute("insert into lake.audit.release_batches values (?, ?, ?, ?, ?, ?)", row)
        con.execute("insert into batches values (?, ?, ?, ?, true, ?)", [source, day, batch, counts, count])
    contracts = load_contracts(PROJECT / "sources.yaml")
    facts: list[Fact] = list(compare_keys(con, settings, contracts, list_counted(con, PREVIOUS), "batches"))
    return [(fact.value, fact.weight) for fact in facts if fact.fact == "keys_lost_share"]


def test_a_late_week_of_a_list_is_not_what_the_newest_is_compared_with(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    deliveries = [Delivery("2025-08-06", "b1", 80), Delivery("2025-07-30", "b2", 100)]
    assert compare(con, tmp_path, TASKS, deliveries) == []
    # The next week has 76 of the 80 keys of the week before it: 4 of 80 are gone.
    con.execute("delete from batches")
    con.execute("delete from lake.audit.release_batches")
    deliveries.append(Delivery("2025-08-13", "b3", 76, None))
    assert compare(con, tmp_path, TASKS, deliveries) == [(0.05, 4)]


def test_keys_that_came_in_the_place_of_lost_ones_are_named(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    files = []
    for name, first in (("before", 0), ("now", 90)):
        files.append(str(tmp_path / f"{name}.parquet"))
        con.execute(
            f"copy (select 'K' || n as code from range({first}, {first + 100}) as t (n)) to '{files[-1]}'"
        )
    lost, *_ = keys.count_lost_keys(con, TASKS, ("code",), files[:1], files[1:])
    assert (lost.weight, lost.details[:2], lost.instead) == (90, ("K0", "K1"), ("K100", "K101"))


def test_a_list_after_one_without_rows_is_compared_with_the_newest_that_has_any(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    deliveries = [
        Delivery("2025-07-30", "b1", 100), Delivery("2025-08-06", "b2", 0), Delivery("2025-08-13", "b3", 90, None),
    ]  # fmt: skip
    assert compare(con, tmp_path, TASKS, deliveries) == [(0.1, 10)]


def test_of_a_withdrawn_list_the_one_that_it_had_replaced_is_the_measure(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "find_withdrawn", lambda landing: {(TASKS, "b2")})
    deliveries = [
        Delivery("2025-07-30", "b1", 100, "superseded", counts=False),
        Delivery("2025-08-13", "b3", 75, None),
    ]
    con.execute(
        f"insert into lake.audit.release_batches values (1, '{TASKS}', '2025-08-06', 'b2', '', 'current')"
    )
    assert compare(con, tmp_path, TASKS, deliveries) == [(0.25, 25)]


def test_a_day_pulled_again_without_rows_lost_all_of_them(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    deliveries = [
        # Another day that was pulled again as it was.
        Delivery("2025-08-06", "b1", 1_000, counts=False), Delivery("2025-08-06", "b3", 1_000, None),
        Delivery("2025-08-07", "b2", 50, counts=False), Delivery("2025-08-07", "b4", 0, None),
        # A holiday that had no rows before.
        Delivery("2025-08-08", "b5", 0, counts=False), Delivery("2025-08-08", "b6", 0, None),
    ]  # fmt: skip
    assert compare(con, tmp_path, LOG, deliveries) == [(1.0, 50), (0.0, 0)]


def test_of_lists_that_land_together_each_is_compared_with_the_one_before(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    deliveries = [
        Delivery("2025-07-30", "b1", 100), Delivery("2025-08-06", "b2", 30, None),
        Delivery("2025-08-13", "b3", 100, None),
    ]  # fmt: skip
    assert compare(con, tmp_path, TASKS, deliveries) == [(0.7, 70), (0.0, 0)]


def test_rows_that_are_no_longer_on_disk_are_told_not_passed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    deliveries = [Delivery("2025-07-30", "b1", 100), Delivery("2025-08-06", "b2", 30, None)]
    compare(con, tmp_path, TASKS, deliveries)
    settings = Settings(data=tmp_path)
    (settings.quality / TASKS / "2025-07-30" / "b1.accepted.parquet").unlink()
    contracts = load_contracts(PROJECT / "sources.yaml")
    facts = [
        f
        for f in compare_keys(con, settings, contracts, list_counted(con, PREVIOUS), "batches")
        if f.fact != "keys"
    ]
    assert [(f.fact, f.scope, f.details) for f in facts] == [("not_compared", TASKS, ("2025-07-30",))]
