"""What every export shares: the newest release, and its tables described in two languages.

The lake tells tables and types; dbt's manifest tells keys and descriptions. Nothing is listed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import duckdb

from pipelines import duck
from pipelines.lake import ledger
from pipelines.lake.catalogue import ALIAS, find_newest_snapshot, list_snapshots, open_lake
from pipelines.lake.ledger import Release
from pipelines.lake.manifest import SCHEMAS, read_models
from pipelines.settings import Settings

# The period of the marts that begins on the first day counted (`place.counts_since`).
SINCE_START = "since_start"
# The ledger's own tables are the publisher's, not dbt's: rows of a release come and go together.
LEDGER = frozenset(f"audit.{name}" for name in ledger.TABLES)


class Words(NamedTuple):
    """A description of dbt's, "EN … / VI …", by language; `en` holds all of it where it has no parts."""

    en: str
    vi: str

    @classmethod
    def of(cls, text: str) -> Words:
        text = " ".join(text.split())
        english, has_both, vietnamese = text.partition(" / VI ")
        return cls(english.removeprefix("EN ").strip(), vietnamese.strip() if has_both else "")


@dataclass(frozen=True)
class PublishedColumn:
    name: str
    type: str
    description: str = ""

    @property
    def words(self) -> Words:
        return Words.of(self.description)


@dataclass(frozen=True)
class PublishedTable:
    """One table of the release. `key` is empty where the manifest no longer knows it, and names several
    rows at once where it is not unique (the ledger's)."""

    schema: str
    name: str
    columns: tuple[PublishedColumn, ...]
    key: tuple[str, ...] = ()
    description: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    is_unique: bool = True

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def relation(self) -> str:
        """The table in the attached lake."""
        return duck.identifier(ALIAS, self.schema, self.name)

    @property
    def words(self) -> Words:
        return Words.of(self.description)


@contextmanager
def newest_release(
    settings: Settings, release_id: int | None = None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Release]]:
    """The lake as the newest release left it, or the one of this number, for as long as the block lasts; LookupError
    without one.

    At the release's own snapshot, so that every table is of it, and nothing that was written since.
    """
    con = open_lake(settings)
    try:
        con.execute("begin")  # the catalogue is read once
        chain = ledger.list_releases(con)
        if not chain:
            raise LookupError("No release to export yet. Run `thongsuot run` first.")
        release = chain[-1] if release_id is None else ledger.find_release(chain, release_id)
        if find_newest_snapshot(con) != release.snapshot_id:
            con.close()
            con = open_lake(settings, snapshot_id=release.snapshot_id)
            con.execute("begin")
        yield con, release
    finally:
        # A block that wrote a file beside the lake has committed by itself.
        with suppress(duckdb.Error):
            con.execute("rollback")
        con.close()


def list_tables(con: duckdb.DuckDBPyConnection, settings: Settings) -> list[PublishedTable]:
    """Every table of the release, by schema and name, described where the manifest knows it."""
    models = read_models(settings.dbt_target / "manifest.json")
    columns_of: dict[tuple[str, str], list[PublishedColumn]] = {}
    for schema, table, column, kind in con.execute(
        "select table_schema, table_name, column_name, data_type from information_schema.columns "
        f"where table_catalog = ? and table_schema in ({', '.join('?' * len(SCHEMAS))}) "
        "order by table_schema, table_name, ordinal_position",
        [ALIAS, *SCHEMAS],
    ).fetchall():
        model = models.get(f"{schema}.{table}", {})
        description = model.get("columns", {}).get(column, {}).get("description", "")
        columns_of.setdefault((schema, table), []).append(PublishedColumn(column, kind, description))
    tables = []
    for (schema, name), columns in columns_of.items():
        model = models.get(f"{schema}.{name}", {})
        meta = model.get("config", {}).get("meta", {})
        of_ledger = f"{schema}.{name}" in LEDGER
        key = ("release_id",) if of_ledger else tuple(meta.get("key", ()))
        description = model.get("description", "")
        tables.append(
            PublishedTable(schema, name, tuple(columns), key, description, meta, is_unique=not of_ledger)
        )
    return tables


def find_changed_keys(
    con: duckdb.DuckDBPyConnection, table: PublishedTable, earlier: Release, newest: Release
) -> str | None:
    """A query of the keys whose rows are others than in `earlier`, at most twice; None where the feed cannot tell."""
    if not table.key:
        return None
    keys = ", ".join(duck.identifier(column) for column in table.key)
    # Asked first: where that snapshot has expired the feed fails, and takes the open transaction with it.
    begins = earlier.snapshot_id + 1
    if begins not in list_snapshots(con):
        return None
    feed = (
        f"ducklake_table_changes({duck.literal(ALIAS)}, {duck.literal(table.schema)}, "
        f"{duck.literal(table.name)}, {begins}, {newest.snapshot_id})"
    )
    # A table that was made anew has no feed from there.
    with suppress(duckdb.Error):
        con.execute(f"select {keys} from {feed} limit 0")
        return f"select {keys} from {feed}"
    return None
