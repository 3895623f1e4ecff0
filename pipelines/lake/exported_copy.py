"""A copy of the ledger of exports beside the files of a lake in a bucket: a lost disk takes no sealed line with it.

It proves nothing by itself: what comes back of it is held against the seals of the releases, as the file is.
"""

from __future__ import annotations

from contextlib import suppress

import duckdb

from pipelines import duck
from pipelines.lake.exported import ledger_file
from pipelines.lake.location import locate_lake
from pipelines.landing.batches import write_text
from pipelines.settings import Settings

# Lines as they are: no sign of them is a quote, and this one stands in no line of JSON.
AS_LINES = "format csv, header false, quote '', escape '', delimiter '\x01'"


def copy_ledger(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Every whole line there is now; nothing where the files lie on the disk that the ledger lies on."""
    path = ledger_file(settings)
    if not _has_bucket(settings) or not path.exists():
        return
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    con.execute(f"copy (select unnest(?::varchar[])) to {_locate_copy(settings)} ({AS_LINES})", [lines])


def restore_ledger(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Add the lines of the copy to a ledger that ends before it does; one that says something else stays as it is."""
    if not _has_bucket(settings):
        return
    # A name without a star would be listed whether it is there or not.
    folder = duck.literal(f"{locate_lake(settings).files.root}*.jsonl")
    copy = _locate_copy(settings)
    if not con.execute(f"from glob({folder}) where file = {copy}").fetchall():
        return  # no release of this version
    row = con.execute(f"select content from read_blob({copy})").fetchone()
    path = ledger_file(settings)
    current = path.read_bytes() if path.exists() else b""
    if row is not None and row[0].startswith(current):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(UnicodeDecodeError):  # spoilt: the backup's lines are better than none that can be read
            write_text(path, row[0].decode())


def _has_bucket(settings: Settings) -> bool:
    return settings.lake_servers is not None and bool(settings.lake_servers.files)


def _locate_copy(settings: Settings) -> str:
    return duck.literal(f"{locate_lake(settings).files.root}exports.jsonl")
