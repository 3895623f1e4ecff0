"""What each table in the database holds, as one hash that PostgreSQL computes: the next export sees an edit.

The hashes rest in the ledger of exports, where nobody who can only write to the database reaches them.
"""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from pipelines.exports.postgres import schema
from pipelines.lake.exported import list_entries, list_newest_entries
from pipelines.settings import Settings

# The text of a value must not depend on how a database or a role is set up.
PLAIN_TEXT = "set local datestyle = 'ISO, YMD'; set local timezone = 'UTC'; set local extra_float_digits = 1"


def hash_tables(pg: psycopg.Connection, tables: Iterable[str]) -> dict[str, str]:
    """`schema.table` → rows and the sum of their 64-bit hashes; tables that are not there are left out."""
    pg.execute(PLAIN_TEXT)
    hashes = {}
    for name in tables:
        if pg.execute("select to_regclass(%s)", [name]).fetchone() == (None,):
            continue
        query = (
            "select count(*) || '-' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from {} as t"
        )
        row = pg.execute(schema.sql(query, *name.split(".", 1))).fetchone()
        assert row is not None
        hashes[name] = str(row[0])
    return hashes


def find_edited_tables(
    pg: psycopg.Connection, settings: Settings, address: str, release_hash: str | None
) -> tuple[list[str], dict[str, str]]:
    """Tables that are not what the last export of that release left, and what was recorded; nothing where none was."""
    entry = list_newest_entries(list_entries(settings)).get(address)
    if entry is None or entry.release_hash != release_hash:
        return [], {}
    present = hash_tables(pg, entry.files)
    return sorted(name for name in entry.files if present.get(name) != entry.files[name]), entry.files
