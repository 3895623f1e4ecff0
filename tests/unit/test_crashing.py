"""The children of the crash tests: what the test process holds open does not reach them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from pipelines.settings import Settings
from tests import crashing

SUM = "select sum(i)::bigint from range(20_000_000) t(i)"
open_connections: list[duckdb.DuckDBPyConnection] = []


def answered() -> tuple[int, int]:
    """How many connections this process inherited, and what a new one computes once they are gone."""
    inherited = len(open_connections)
    open_connections.clear()
    with duckdb.connect(config={"threads": 2}) as con:
        row = con.execute(SUM).fetchone()
    assert row is not None
    return inherited, row[0]


def test_a_child_of_a_process_that_uses_duckdb_inherits_none_of_it() -> None:
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(SUM).fetchall()
        open_connections.append(con)
        try:
            assert crashing.ask_in_child(answered) == (0, 19_999_999 * 20_000_000 // 2)
        finally:
            open_connections.clear()


def test_settings_reach_a_child(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert crashing.ask_in_child(replace, settings) == settings
