create or replace table {{ relation }} as
with seen as (
    select
        *,
        min(batch_id) over same_failure as first_seen_batch,
        max(batch_id) over same_failure as last_seen_batch,
        bool_or(batch_id = scope_batch) over same_failure as is_still_rejected
    from rejected_rows
    window same_failure as (partition by source, row_key, rule, column_name)
),

rejected_records as (
    select distinct
        source,
        batch_id,
        partition_key,
        _row,
        record_key
    from rejected_rows
),

cured as (
    select
        rejected_records.batch_id,
        rejected_records._row,
        arg_min(cures.batch_id, (cures.partition_key, cures._row)) as by_batch
    from rejected_records
    inner join cures
        on
            rejected_records.source = cures.source
            and rejected_records.record_key = cures.record_key
            and (
                rejected_records.partition_key < cures.partition_key
                or (rejected_records.batch_id = cures.batch_id and rejected_records._row < cures._row)
            )
    group by all
)

select
    source,
    partition_key,
    batch_id,
    _row,
    row_key,
    unit_code,
    rule,
    column_name,
    bad_value,
    reason_en,
    reason_vi,
    is_current,
    first_seen_batch,
    last_seen_batch,
    coalesce(
        cured.by_batch,
        case
            when is_withdrawn and is_still_rejected is distinct from true then batch_id
            when scope_batch > batch_id and not is_still_rejected then scope_batch
        end
    ) as resolved_by_batch
from seen
left join cured using (batch_id, _row)
