"""One partition of one source: its connector's relation written as a batch, in one COPY."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing.batches import LandedBatch, land, newest
from pipelines.landing.drift import drifted
from pipelines.settings import Settings
from pipelines.sources import database, files, http
from pipelines.sources.contract import Source
from pipelines.sources.errors import Unchanged
from pipelines.sources.personal import redacted
from pipelines.sources.relation import Connector
from pipelines.sources.states import as_log

CONNECTORS: dict[str, Connector] = {
    "database": database.pull,
    "files": files.pull,
    "http": http.pull,
}


def pull(
    source: Source,
    partition: date,
    settings: Settings,
    *,
    run_id: str,
    con: duckdb.DuckDBPyConnection | None = None,
    origin: str | None = None,
    root: Path | None = None,
) -> LandedBatch:
    """Land one new batch; SourceError (or a subclass) where the source does not give a whole one.

    An API that says that nothing changed since the batch of this partition gets no second one: that batch
    is returned. A range of days passes one open connection: loading a scanner costs more than a small
    day's rows. `origin` and `root` stand for the connector's own words and for the landing directory.
    """
    if con is None:
        with duck.connect(settings.extensions) as own:
            return pull(source, partition, settings, run_id=run_id, con=own, origin=origin, root=root)

    connector, former = CONNECTORS[source.connector], None
    if source.connector == "http" and root is None:
        former = newest(settings.landing, source.name).get(str(partition))
        connector = partial(http.pull, known=former.validator if former and former.path.exists() else "")

    def write(out: Path) -> tuple[str, tuple[str, ...], str]:
        with connector(source, partition, settings, con) as found:
            relation = as_log(source, partition, found)
            con.execute(
                f"copy (select row_number() over () as _row, {columns_sql(source, relation.columns)} "
                f"from {relation.sql}) to {duck.literal(out)} (format parquet, compression zstd)"
            )
        notes = (*relation.notes, *drifted(con, source, str(partition), out))
        return origin or relation.origin, notes, relation.validator

    try:
        return land(root or settings.landing, source.name, partition.isoformat(), write, run_id=run_id)
    except Unchanged:
        assert former is not None
        return former


def columns_sql(source: Source, columns: Mapping[str, str]) -> str:
    """What is written of each column (canonical → expression): personal data removed from free text."""
    scanned = source.free_text_columns()
    return ", ".join(
        f"{redacted(expression) if name in scanned else expression} as {duck.identifier(name)}"
        for name, expression in columns.items()
    )
