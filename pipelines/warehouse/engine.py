"""Which engine made the build in the warehouse, in which version, with which settings; the release records it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import duckdb

TABLE = "raw.build_engine"


class EngineRecord(NamedTuple):
    """`engine`: duckdb or spark; `settings`: what could change how it works, never what it gives."""

    engine: str
    version: str
    settings: Mapping[str, str]


def describe_duckdb(con: duckdb.DuckDBPyConnection) -> EngineRecord:
    names = ("memory_limit", "threads", "TimeZone")
    settings = {
        name: str(value)
        for name, value in con.execute(
            "select name, value from duckdb_settings() where list_contains(?, name) order by name",
            [list(names)],
        ).fetchall()
    }
    return EngineRecord("duckdb", duckdb.__version__, settings)


def write_engine(con: duckdb.DuckDBPyConnection, record: EngineRecord) -> None:
    """One row, in the warehouse that `con` has open."""
    con.execute("create schema if not exists raw")
    con.execute(f"create or replace table {TABLE} (engine varchar, version varchar, settings varchar)")
    text = json.dumps(record.settings, sort_keys=True)
    con.execute(f"insert into {TABLE} values (?, ?, ?)", [record.engine, record.version, text])
