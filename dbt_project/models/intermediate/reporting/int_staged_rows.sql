-- Nothing is lost in silence: where each accepted row went, counted from what the layers really hold.
-- Of a snapshot's copies the kind is not distinguished; of a log's it is.
{% for source, contract in canon().items() %}
{% if not loop.first %}
union all
{% endif %}
{% if contract.kind == 'log' %}
select
    '{{ source }}' as source,
    batch_id,
    partition_key,
    cast(sum(rows_staged) as bigint) as rows_staged,
    cast(sum(rows_repeated) as bigint) as rows_repeated,
    cast(sum(rows_corrected) as bigint) as rows_corrected
from (
    select
        batch_id,
        partition_key,
        count(*) as rows_staged,
        0 as rows_repeated,
        0 as rows_corrected
    from {{ ref('int_' ~ source) }}
    group by batch_id, partition_key
    union all
    select
        batch_id,
        partition_key,
        0 as rows_staged,
        {{ count_if("kind = 'repeat'") }} as rows_repeated,
        {{ count_if("kind = 'correction'") }} as rows_corrected
    from {{ ref('int_' ~ source ~ '_duplicates') }}
    group by batch_id, partition_key
) as counted
group by batch_id, partition_key
{% else %}
select
    '{{ source }}' as source,
    batch_id,
    snapshot_day as partition_key,
    count(distinct {{ tuple_of(contract.staged_key) }}) as rows_staged,
    count(*) - count(distinct {{ tuple_of(contract.staged_key) }}) as rows_repeated,
    0 as rows_corrected
from {{ ref('stg_' ~ source) }}
group by batch_id, snapshot_day
{% endif %}
{% endfor %}
