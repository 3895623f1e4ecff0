"""Whether the tables that a snapshot shows are what a release says, row by row: nobody's word is taken for it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import ALIAS, plan_without_statistics
from pipelines.lake.content_hash import Content, hash_content
from pipelines.lake.ledger import Release


class DifferingTable(NamedTuple):
    """`content`: what the snapshot shows, None where it cannot be read; `error` says why."""

    table: str
    snapshot_id: int
    content: Content | None
    error: str = ""


def table_at(table: str, snapshot_id: int) -> str:
    """The relation of `schema.table` as a snapshot shows it."""
    return f"{duck.identifier(ALIAS, *table.split('.', 1))} at (version => {snapshot_id:d})"


def find_differing_tables(
    con: duckdb.DuckDBPyConnection, release: Release, snapshots: Iterable[int], skip: Iterable[str] = ()
) -> list[DifferingTable]:
    """Every table of the release that one of the snapshots shows otherwise; all rows of all others are hashed.

    `skip`: tables that are not to be read. The connection holds a transaction, or its cursors open the
    catalogue's file once each.
    """
    tables = [
        (table, snapshot)
        for snapshot in sorted(set(snapshots))
        for table in sorted(release.marts.keys() - set(skip))
    ]

    def compare(one: tuple[str, int]) -> Iterator[DifferingTable]:
        table, snapshot = one
        with con.cursor() as own:
            try:
                content = hash_content(own, table_at(table, snapshot))
            except duckdb.Error as error:
                yield DifferingTable(table, snapshot, None, str(error).splitlines()[0])
                return
        if content != release.marts[table]:
            yield DifferingTable(table, snapshot, content)

    with plan_without_statistics(con), ThreadPoolExecutor(os.cpu_count()) as pool:
        return [differing for many in pool.map(lambda one: list(compare(one)), tables) for differing in many]
