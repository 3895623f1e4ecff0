"""How the rows of one mart differ between two kept releases, by its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines import duck
from pipelines.lake import ledger
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.content_hash import describe_columns
from pipelines.lake.ledger import Release
from pipelines.sql import read_sql


@dataclass(frozen=True)
class RowChanges:
    """How one mart's rows differ, by its key; `columns`: column → rows in which it changed."""

    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    sample: list[dict[str, Any]]


def find_row_changes(
    con: duckdb.DuckDBPyConnection,
    first: Release,
    second: Release,
    mart: str,
    key: tuple[str, ...],
    limit: int = 20,
) -> RowChanges:
    """LookupError where a release is pruned or lacks the mart."""
    _check_kept(con, first, second, mart)
    table = duck.identifier(ALIAS, *mart.split("."))
    before, after = (f"{table} at (version => {release.snapshot_id})" for release in (first, second))
    shared = [name for name in describe_columns(con, after) if name in describe_columns(con, before)]
    attributes = [name for name in shared if name not in key]
    query = read_sql(
        "pipelines.explain",
        "row_changes",
        keys=[duck.identifier(name) for name in key],
        attributes={duck.identifier(name): duck.identifier(f"is_{name}") for name in attributes},
        before=before,
        after=after,
    )
    con.execute(query)
    counts = dict(con.execute("select change, count(*) from row_changes group by change").fetchall())
    added, removed, changed = (int(counts.get(kind, 0)) for kind in ("added", "removed", "changed"))
    return RowChanges(added, removed, changed, _count_columns(con, attributes), _sample(con, key, limit))


def _check_kept(con: duckdb.DuckDBPyConnection, first: Release, second: Release, mart: str) -> None:
    kept = ledger.list_kept(con, [first, second])
    for release in (first, second):
        if release not in kept:
            raise LookupError(f"The contents of release {release.release_id} were pruned.")
        if mart not in release.marts:
            raise LookupError(
                f"Release {release.release_id} has no table {mart}: {', '.join(release.marts)}."
            )


def _count_columns(con: duckdb.DuckDBPyConnection, attributes: list[str]) -> dict[str, int]:
    """column → changed rows in which it differs; those that never do are left out."""
    if not attributes:
        return {}
    sums = ", ".join(f"count(*) filter ({duck.identifier('is_' + name)})" for name in attributes)
    row = con.execute(f"select {sums} from row_changes where change = 'changed'").fetchone() or ()
    return {name: int(count) for name, count in zip(attributes, row, strict=True) if count}


def _sample(con: duckdb.DuckDBPyConnection, key: tuple[str, ...], limit: int) -> list[dict[str, Any]]:
    keys = ", ".join(duck.identifier(name) for name in key)
    cursor = con.execute(f"select change, {keys} from row_changes order by all limit {limit:d}")
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
