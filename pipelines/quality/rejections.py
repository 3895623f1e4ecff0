"""Every rejected row of every judged batch: since when, until when, and whether a later delivery cured it.

Read from the reports and Parquet files on disk, so that a blocked night can be looked into before anything
is published; the warehouse lays out the same relation, and the release publishes it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import duckdb
import pyarrow as pa

from pipelines import duck
from pipelines.landing.batches import list_batches
from pipelines.quality.counting import Reported, select_current
from pipelines.quality.reports import read_report
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, Source
from pipelines.sql import read_sql


def find_reported_batches(settings: Settings, contracts: Contracts) -> Reported:
    """Every validated batch of the contracts' sources."""
    return [
        (batch, report)
        for name in contracts.sources
        for batch in list_batches(settings.landing, name)
        if (report := read_report(settings.quality, batch))
    ]


def write_rejections(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    reported: Reported,
    relation: str,
    withdrawn: Collection[tuple[str, str]] = (),
) -> None:
    """Table `relation`: one row per rejected row × failed rule, of every judged batch.

    `is_current`: its batch counts. `first_seen_batch`, `last_seen_batch`: between which batches the same row
    (source, row key) broke the same rule. `resolved_by_batch`: the batch that cured it, else NULL: the same
    record was accepted on a later day or in a later row, or the newest delivery of its day (of a snapshot
    source: the newest snapshot) no longer rejects it. Rows of a batch that was withdrawn (`withdrawn`: source,
    batch) are settled by its withdrawal: it stands there itself.
    """
    _write_batches(con, contracts, reported, withdrawn)
    _write_occurrences(con, reported)
    _write_cures(con, contracts, reported)
    con.execute(read_sql("pipelines.quality", "rejections", relation=relation))
    for table in ("reported_batches", "rejected_rows", "cures"):
        con.execute(f"drop table {table}")


def _write_batches(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    reported: Reported,
    withdrawn: Collection[tuple[str, str]],
) -> None:
    """`scope_batch`: the batch that now speaks for the row's day, or for the whole of a source
    that delivers everything each time."""
    kinds = {name: source.partitioning for name, source in contracts.sources.items()}
    counting = select_current(contracts, reported, withdrawn)
    con.register(
        "incoming",
        pa.table(
            {
                "source": pa.array([b.source for b, _ in reported], pa.string()),
                "partition_key": pa.array([b.partition for b, _ in reported], pa.string()),
                "batch_id": pa.array([b.batch_id for b, _ in reported], pa.string()),
                "is_current": pa.array(
                    [counting.get((b.source, b.partition)) == b for b, _ in reported], pa.bool_()
                ),
                "is_withdrawn": pa.array(
                    [(b.source, b.batch_id) in withdrawn for b, _ in reported], pa.bool_()
                ),
                "scope": pa.array(
                    [b.partition if kinds.get(b.source) == "change_day" else "" for b, _ in reported],
                    pa.string(),
                ),
            }
        ),
    )
    con.execute(read_sql("pipelines.quality", "reported_batches"))
    con.unregister("incoming")


def _write_occurrences(con: duckdb.DuckDBPyConnection, reported: Reported) -> None:
    files = [duck.literal(r.rejected) for _, r in reported if r.rows_rejected]
    con.execute(read_sql("pipelines.quality", "rejected_occurrences", files=files))


def _write_cures(con: duckdb.DuckDBPyConnection, contracts: Contracts, reported: Reported) -> None:
    """Accepted rows under the key of a rejected one, of the batches that count."""
    con.execute(
        "create or replace temp table cures (source varchar, batch_id varchar, partition_key date, "
        "_row bigint, record_key varchar[])"
    )
    current = {
        row[0] for row in con.execute("select batch_id from reported_batches where is_current").fetchall()
    }
    since = con.execute(
        "select source, min(partition_key)::varchar from rejected_rows "
        "where record_key is not null group by 1"
    ).fetchall()
    for name, day in since:
        files = [
            duck.literal(r.accepted)
            for b, r in reported
            if b.source == name and b.batch_id in current and b.partition >= day
        ]
        if files and name in contracts.sources:
            con.execute(_cures_sql(contracts.sources[name], files))


def _cures_sql(source: Source, files: Sequence[str]) -> str:
    """The first key column narrows the scan; the whole key is compared only for what is left."""
    key = [f"cast({duck.identifier(k)} as varchar)" for k in source.key]
    rejected = f"from rejected_rows where source = {duck.literal(source.name)}"
    return f"""
        insert into cures
        select {duck.literal(source.name)}, batch_id, partition_key, _row, [{", ".join(key)}] as record_key
        from read_parquet([{", ".join(files)}], union_by_name = true)
        where {key[0]} in (select record_key[1] {rejected})
            and [{", ".join(key)}] in (select record_key {rejected})"""
