create or replace temp table deliveries as
with
{% for name, relation in reads.items() %}
{{ name }} as (select * from {{ relation }}),

{% endfor %}
delivered as (
    select
        {% for name, value in columns.items() %}
        {{ value }} as {{ name }},
        {% endfor %}
        {{ item }} as item_code,
        {{ evidence.at }} as happened_at,
        {{ evidence.order }} as delivery_order,
        ({{ evidence.begins }}) as has_begun,
        batch_id,
        partition_key,
        _row
    from {{ relation }}
    where {{ item }} in (select changed.item_code from changed)
),

days_before as (
    select distinct partition_key
    from batches_before
),

rejected_before as (
    select distinct
        batch_id,
        _row
    from {{ rejections }}
)

select
    delivered.* exclude (_row),
    case
        when rejected_before.batch_id is not null then 'released'
        when batches_before.batch_id is not null then 'old'
        when days_before.partition_key is not null or restored.batch_id is not null then 'pulled_again'
        else 'new'
    end as arrival
from delivered
left join batches_before on delivered.batch_id = batches_before.batch_id
left join days_before on delivered.partition_key = days_before.partition_key
left join (select * from withdrawals where source = $source and cause = 'batch_restored') as restored
    on delivered.batch_id = restored.batch_id
left join rejected_before
    on delivered.batch_id = rejected_before.batch_id and delivered._row = rejected_before._row
