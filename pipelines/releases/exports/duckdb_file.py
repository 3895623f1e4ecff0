"""`marts.duckdb`: the newest release as one read-only file, for BI tools that open DuckDB files.

Written aside and swapped by rename (PLATFORM: 0 errors, 0 mixed states); idempotent per release.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.releases import ledger
from pipelines.releases.lake import ALIAS, open_lake
from pipelines.settings import Settings

# Files that DuckDB clients of any 1.x version can read.
STORAGE = "v1.0.0"


class Exported(NamedTuple):
    path: Path
    release_id: int
    rewritten: bool


def export(settings: Settings) -> Exported:
    """Rewrite the file where it does not hold the newest release; LookupError without a release."""
    path = settings.data / "exports" / "marts.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_lake(settings) as con:
        chain = ledger.releases(con)
        if not chain:
            raise LookupError("No release to export yet. Run `thongsuot run` first.")
        newest = chain[-1]
        if _holds(path) == newest.release_hash:
            return Exported(path, newest.release_id, False)
        draft = path.with_suffix(".partial")
        draft.unlink(missing_ok=True)
        con.execute(f"attach {duck.literal(draft)} as out (storage_version {duck.literal(STORAGE)})")
        tables = con.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = ? and table_schema in ('marts', 'audit') order by all",
            [ALIAS],
        ).fetchall()
        for schema, table in tables:
            # The file is itself the catalog `marts`: a schema of that name in it would be ambiguous.
            place = "main" if schema == "marts" else schema
            con.execute(f"create schema if not exists out.{duck.identifier(place)}")
            source = duck.identifier(ALIAS, schema, table)
            con.execute(f"create table {duck.identifier('out', place, table)} as from {source}")
        con.execute("detach out")
        draft.replace(path)
    return Exported(path, newest.release_id, True)


def _holds(path: Path) -> str | None:
    """The release hash in the file; None where there is no readable file."""
    if not path.exists():
        return None
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            row = con.execute(
                "select release_hash from audit.releases order by release_id desc limit 1"
            ).fetchone()
    except duckdb.Error:
        return None
    return row[0] if row else None
