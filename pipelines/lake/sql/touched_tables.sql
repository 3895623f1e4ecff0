-- (kept snapshot, table) where a row of the catalogue about the table begins or ends with the snapshot.
with
touched as (
    {% for table in ("ducklake_table", "ducklake_column", "ducklake_data_file", "ducklake_delete_file") %}
    {% for moment in ("begin_snapshot", "end_snapshot") %}
    {% if not (loop.first and table == "ducklake_table") %}union all{% endif %}
    select
        {{ moment }} as snapshot_id,
        table_id
    from {{ metadata }}.{{ table }}
    {% endfor %}
    {% endfor %}
)

select distinct
    snapshot_id,
    table_id
from touched inner join {{ metadata }}.ducklake_snapshot using (snapshot_id)
