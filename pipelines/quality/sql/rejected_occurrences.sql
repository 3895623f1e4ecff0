create or replace temp table rejected_rows as
with rejected as (
    {% if files %}
    select
        *,
        unnest(failures) as failure
    from read_parquet([{{ files | join(", ") }}], union_by_name = true)
    {% else %}
    select
        null::varchar as source,
        null::date as partition_key,
        null::varchar as batch_id,
        null::bigint as _row,
        null::varchar as row_key,
        null::varchar[] as record_key,
        null::varchar as unit_code,
        null::struct(
            rule varchar, column_name varchar, bad_value varchar, reason_en varchar, reason_vi varchar
        ) as failure
    where false
    {% endif %}
)

select
    rejected.source,
    rejected.partition_key,
    rejected.batch_id,
    rejected._row,
    rejected.row_key,
    rejected.record_key,
    rejected.unit_code,
    rejected.failure.rule,
    rejected.failure.column_name,
    rejected.failure.bad_value,
    rejected.failure.reason_en,
    rejected.failure.reason_vi,
    reported_batches.is_current,
    reported_batches.is_withdrawn,
    reported_batches.scope_batch
from rejected
inner join reported_batches using (source, batch_id)
