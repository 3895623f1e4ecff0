"""Every rejected row of every judged batch: since when, until when, and whether a later delivery cured it.

Read from the reports and Parquet files on disk, so that a blocked night can be looked into before anything
is published; the warehouse lays out the same relation, and the release publishes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from pipelines import duck
from pipelines.landing.batches import Batch, list_batches
from pipelines.quality.reports import Report, read_report
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, Source

ReportedBatch = tuple[Batch, Report]


def find_reported_batches(settings: Settings, contracts: Contracts) -> list[ReportedBatch]:
    """Every validated batch of the contracts' sources."""
    return [
        (batch, report)
        for name in contracts.sources
        for batch in list_batches(settings.landing, name)
        if (report := read_report(settings.quality, batch))
    ]


def write_rejections(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, reported: Sequence[ReportedBatch], relation: str
) -> None:
    """Table `relation`: one row per rejected row × failed rule, of every judged batch.

    `is_current`: its batch counts. `first_seen_batch`, `last_seen_batch`: between which batches the same row
    (source, row key) broke the same rule. `resolved_by_batch`: the batch that cured it, else NULL: the same
    record was accepted on a later day or in a later row, or the newest delivery of its day (of a snapshot
    source: the newest snapshot) no longer rejects it.
    """
    _write_batches(con, contracts, reported)
    _write_occurrences(con, reported)
    _write_cures(con, contracts, reported)
    con.execute(
        f"""
        create or replace table {relation} as
        with seen as (
            select *,
                min(batch_id) over same as first_seen_batch,
                max(batch_id) over same as last_seen_batch,
                bool_or(batch_id = scope_batch) over same as is_still_rejected
            from rejected_rows
            window same as (partition by source, row_key, rule, column_name)
        ),
        cured as (
            select s.batch_id, s._row, arg_min(c.batch_id, (c.partition_key, c._row)) as by_batch
            from (select distinct source, batch_id, partition_key, _row, record_key from rejected_rows) s
            join cures c
                on s.source = c.source and s.record_key = c.record_key
                and (c.partition_key > s.partition_key or (c.batch_id = s.batch_id and c._row > s._row))
            group by all
        )
        select
            source, partition_key, batch_id, _row, row_key, unit_code, rule, column_name, bad_value,
            reason_en, reason_vi, is_current, first_seen_batch, last_seen_batch,
            coalesce(
                cured.by_batch,
                case when scope_batch > batch_id and not is_still_rejected then scope_batch end
            ) as resolved_by_batch
        from seen left join cured using (batch_id, _row)"""
    )
    for table in ("reported_batches", "rejected_rows", "cures"):
        con.execute(f"drop table {table}")


def _write_batches(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, reported: Sequence[ReportedBatch]
) -> None:
    """`scope_batch`: the batch that now speaks for the row's day, or for the whole of a source
    that delivers everything each time."""
    kinds = {name: source.partitioning for name, source in contracts.sources.items()}
    con.register(
        "incoming",
        pa.table(
            {
                "source": pa.array([b.source for b, _ in reported], pa.string()),
                "partition_key": pa.array([b.partition for b, _ in reported], pa.string()),
                "batch_id": pa.array([b.batch_id for b, _ in reported], pa.string()),
                "delivery": pa.array(
                    ["" if kinds.get(b.source) == "whole_table" else b.partition for b, _ in reported],
                    pa.string(),
                ),
                "blocked": pa.array([r.blocked for _, r in reported], pa.bool_()),
                "scope": pa.array(
                    [b.partition if kinds.get(b.source) == "change_day" else "" for b, _ in reported],
                    pa.string(),
                ),
            }
        ),
    )
    con.execute(
        """
        create or replace temp table reported_batches as
        select source, batch_id,
            coalesce(batch_id = arg_max(batch_id, (partition_key, batch_id)) filter (where not blocked)
                over (partition by source, delivery), false) as is_current,
            arg_max(batch_id, (partition_key, batch_id)) filter (where not blocked)
                over (partition by source, scope) as scope_batch
        from incoming"""
    )
    con.unregister("incoming")


def _write_occurrences(con: duckdb.DuckDBPyConnection, reported: Sequence[ReportedBatch]) -> None:
    files = [duck.literal(r.rejected) for _, r in reported if r.rows_rejected]
    rows = f"read_parquet([{', '.join(files)}], union_by_name = true)" if files else _NOTHING
    con.execute(
        f"""
        create or replace temp table rejected_rows as
        select e.source, e.partition_key, e.batch_id, e._row, e.row_key, e.record_key, e.unit_code, f.rule,
            f.column_name, f.bad_value, f.reason_en, f.reason_vi, b.is_current, b.scope_batch
        from (select *, unnest(failures) as f from {rows}) e join reported_batches b using (source, batch_id)"""
    )


def _write_cures(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, reported: Sequence[ReportedBatch]
) -> None:
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


_NOTHING = """(
    select null::varchar as source, null::date as partition_key, null::varchar as batch_id,
        null::bigint as _row, null::varchar as row_key, null::varchar[] as record_key,
        null::varchar as unit_code,
        null::struct(
            rule varchar, column_name varchar, bad_value varchar, reason_en varchar, reason_vi varchar
        )[] as failures
    where false)"""
