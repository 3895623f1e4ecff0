-- Nothing is lost in silence: where each accepted row went, counted from what the layers really hold.
-- Of the snapshots' copies the kind is not told apart; of the log's it is.
{% set snapshot_keys = {
    'task_tracker': 'owner_level, task_code, unit_code',
    'issue_register': 'issue_code',
    'national_ranking': 'captured_at, province_code',
} %}
with log_staged as (
    select
        partition_key,
        batch_id,
        count(*) as rows_staged
    from {{ ref('int_dossier_log') }}
    group by partition_key, batch_id
),

log_superseded as (
    select
        partition_key,
        batch_id,
        {{ count_if("kind = 'repeat'") }} as rows_repeated,
        {{ count_if("kind = 'correction'") }} as rows_corrected
    from {{ ref('int_dossier_log_duplicates') }}
    group by partition_key, batch_id
),

final as (
    select
        'dossier_log' as source,
        coalesce(log_staged.batch_id, log_superseded.batch_id) as batch_id,
        coalesce(log_staged.partition_key, log_superseded.partition_key) as partition_key,
        coalesce(log_staged.rows_staged, 0) as rows_staged,
        coalesce(log_superseded.rows_repeated, 0) as rows_repeated,
        coalesce(log_superseded.rows_corrected, 0) as rows_corrected
    from log_staged
    full outer join log_superseded
        on log_staged.batch_id = log_superseded.batch_id and log_staged.partition_key = log_superseded.partition_key
    {% for source, key in snapshot_keys.items() %}
    union all
    select
        '{{ source }}' as source,
        batch_id,
        snapshot_day as partition_key,
        count(distinct row({{ key }})) as rows_staged,
        count(*) - count(distinct row({{ key }})) as rows_repeated,
        0 as rows_corrected
    from {{ ref('stg_' ~ source) }}
    group by batch_id, snapshot_day
    {% endfor %}
)

select * from final
