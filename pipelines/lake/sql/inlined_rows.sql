-- Rows of a table of inlined rows that a kept snapshot shows: (schema.table, rows, snapshots).
select
    schemas.schema_name || '.' || tables.table_name as table_name,
    count(distinct r) as inlined_rows,
    list(distinct snapshots.snapshot_id) as snapshot_ids
from {{ table }} as r
inner join {{ metadata }}.ducklake_snapshot as snapshots
    on
        r.begin_snapshot <= snapshots.snapshot_id
        and ({{ ends }} is null or {{ ends }} > snapshots.snapshot_id)
inner join {{ metadata }}.ducklake_table as tables
    on
        tables.table_id = {{ table_id }}
        and snapshots.snapshot_id >= tables.begin_snapshot
        and (tables.end_snapshot is null or snapshots.snapshot_id < tables.end_snapshot)
inner join {{ metadata }}.ducklake_schema as schemas on tables.schema_id = schemas.schema_id
group by all
