"""Reference files as batches: landed again only where a file's content changed.

So a release depends on landed batches alone, also for the units, procedures and cut-offs it used.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pipelines import duck
from pipelines.landing.batches import LandedBatch, file_sha256, land, newest
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contract import Contracts, ReferenceTable
from pipelines.sources.errors import PermanentSourceError

PREFIX = "reference_"


def land_reference(contracts: Contracts, settings: Settings, *, run_id: str) -> list[LandedBatch]:
    """Land every reference table whose file differs from its newest batch; returns the new ones."""
    today = datetime.now(LOCAL_ZONE).date().isoformat()
    landed = []
    for name, table in contracts.reference.items():
        path = table.resolved_path(settings.data)
        if not path.exists():
            raise PermanentSourceError(
                f"reference {name}: no file {path}. Correct `reference.{name}.path` in sources.yaml."
            )
        origin = f"{path.name} sha256:{file_sha256(path)}"
        known = newest(settings.landing, PREFIX + name)
        if known and known[max(known)].origin == origin:
            continue
        landed.append(
            land(
                settings.landing,
                PREFIX + name,
                today,
                lambda out, n=name, t=table, p=path, o=origin: _write(settings, n, t, p, out, o),  # type: ignore[misc]
                run_id=run_id,
            )
        )
    return landed


def _write(
    settings: Settings, name: str, table: ReferenceTable, path: Path, out: Path, origin: str
) -> tuple[str, tuple[str, ...]]:
    read = f"read_csv({duck.literal(path)}, header = true, all_varchar = true, delim = ',', quote = '\"')"
    with duck.connect(settings.extensions) as con:
        headers = [row[0] for row in con.execute(f"describe from {read}").fetchall()]
        absent = [column for column in table.columns if column not in headers]
        if absent:
            raise PermanentSourceError(
                f"reference {name}: {path.name} has no column {', '.join(absent)}; "
                f"found {', '.join(headers)}."
            )
        chosen = ", ".join(
            f"nullif(trim({duck.identifier(c)}), '') as {duck.identifier(c)}" for c in table.columns
        )
        con.execute(
            f"copy (select row_number() over () as _row, {chosen} from {read}) "
            f"to {duck.literal(out)} (format parquet, compression zstd)"
        )
    return origin, ()
