"""Which batches a release was made of, kept as changes of standing, so that pruning loses none of it.

`current` counts in the release, `superseded` was pulled again since, `blocked` broke its source's
threshold, `withdrawn` was taken out by an operator, `absent` is no longer listed (a replaced reference file).
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from pipelines.lake.catalogue import ALIAS, plan_without_statistics
from pipelines.lake.ledger import table_exists
from pipelines.sql import read_sql


class ReleasedBatch(NamedTuple):
    """A landed batch as a release knew it."""

    source: str
    partition: str
    batch_id: str
    sha256: str
    standing: str


def list_inputs(con: duckdb.DuckDBPyConnection, release_id: int) -> list[ReleasedBatch]:
    """Every batch known to a release, whether it counted or not; oldest first within a source."""
    query = f"""
        select source, partition_key::varchar, batch_id, sha256, standing
        from {ALIAS}.audit.release_batches where release_id <= ?
        qualify row_number() over (partition by source, batch_id order by release_id desc) = 1
        order by source, batch_id
        """
    with plan_without_statistics(con):
        rows = con.execute(query, [release_id]).fetchall()
    return [ReleasedBatch(*row) for row in rows if row[4] != "absent"]


class RecordedQuality(NamedTuple):
    """What lay beside a batch, and what validation made of it, when a release was built: SHA-256 of each.

    None: there was no such file (a reference table has no report, a batch without rejections no such rows).
    """

    source: str
    partition: str
    batch_id: str
    sidecar_sha256: str
    report_sha256: str | None
    accepted_sha256: str | None
    rejected_sha256: str | None


def list_quality(con: duckdb.DuckDBPyConnection, release_id: int) -> list[RecordedQuality]:
    """As a release knew it; empty where it was made before this was recorded."""
    if not table_exists(con, "audit", "release_quality"):
        return []
    query = (
        f"select source, partition_key::varchar, batch_id, sidecar_sha256, report_sha256, accepted_sha256, "
        f"rejected_sha256 from {ALIAS}.audit.release_quality where release_id <= ? "
        "qualify row_number() over (partition by source, batch_id order by release_id desc) = 1 "
        "order by source, batch_id"
    )
    with plan_without_statistics(con):
        rows = con.execute(query, [release_id]).fetchall()
    return [RecordedQuality(*row) for row in rows]


def record_quality(con: duckdb.DuckDBPyConnection, release_id: int, files: str) -> None:
    """Note what is another than in the release before. `files`: the relation of the build's `raw.batch_files`."""
    query = read_sql("pipelines.lake", "record_quality", lake=ALIAS, release_id=int(release_id), files=files)
    con.execute(query)


class BuildEngine(NamedTuple):
    """What built a release; `settings`: JSON, and none of them changes what is built."""

    engine: str
    version: str
    settings: str


def find_engine(con: duckdb.DuckDBPyConnection, release_id: int) -> BuildEngine | None:
    """None for a release from before this was recorded, or one that brought another back."""
    if not table_exists(con, "audit", "release_engines"):
        return None
    row = con.execute(
        f"select engine, version, settings from {ALIAS}.audit.release_engines where release_id = ?",
        [release_id],
    ).fetchone()
    return BuildEngine(*row) if row else None


def describe_second_engine(con: duckdb.DuckDBPyConnection, release_id: int) -> str:
    """`, though duckdb built that and spark this one`; empty where one engine built both, or one is not on record."""
    own = find_engine(con, release_id)
    if own is None or not table_exists(con, "raw", "build_engine", "warehouse"):
        return ""
    built_on = [
        str(row[0]) for row in con.execute("select engine from warehouse.raw.build_engine").fetchall()
    ]
    return "" if built_on == [own.engine] else f", though {own.engine} built that and {built_on[0]} this one"


def record_engine(con: duckdb.DuckDBPyConnection, release_id: int, engine: str) -> None:
    """`engine`: the relation of the build's `raw.build_engine`."""
    con.execute(
        f"insert into {ALIAS}.audit.release_engines by name select {release_id:d} as release_id, * from {engine}"
    )


def record_inputs(con: duckdb.DuckDBPyConnection, release_id: int, batches: str) -> None:
    """Note what changed since the release before. `batches`: the relation of `audit.batches`."""
    query = read_sql(
        "pipelines.lake", "record_inputs", lake=ALIAS, release_id=int(release_id), batches=batches,
        standing=standing_sql(con, batches),
    )  # fmt: skip
    con.execute(query)


def standing_sql(con: duckdb.DuckDBPyConnection, batches: str) -> str:
    """The standing of a row of `batches`; releases of older code have no such column."""
    columns = {row[0] for row in con.execute(f"describe from {batches}").fetchall()}
    if "standing" in columns:
        return "standing"
    return "case when is_current then 'current' when is_accepted then 'superseded' else 'blocked' end"
