-- (kept snapshot, schema.table) of every table that the snapshot shows.
select distinct
    snapshots.snapshot_id,
    schemas.schema_name || '.' || tables.table_name as table_name
from {{ metadata }}.ducklake_snapshot as snapshots
inner join {{ metadata }}.ducklake_table as tables
    on
        snapshots.snapshot_id >= tables.begin_snapshot
        and (tables.end_snapshot is null or snapshots.snapshot_id < tables.end_snapshot)
inner join {{ metadata }}.ducklake_schema as schemas
    on
        tables.schema_id = schemas.schema_id
        and snapshots.snapshot_id >= schemas.begin_snapshot
        and (schemas.end_snapshot is null or snapshots.snapshot_id < schemas.end_snapshot)
order by all
