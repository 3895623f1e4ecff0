create or replace temp table pulled_again as
{% if rows %}
with fresh as (
    select
        partition_key,
        {{ names | join(", ") }}
    from deliveries
    where arrival = 'pulled_again'
),

replaced as (
    select
        partition_key,
        {% for name, value in columns.items() %}
        {{ value }} as {{ name }}{{ "," if not loop.last }}
        {% endfor %}
    from {{ rows }}
    where {{ item }} in (select changed.item_code from changed)
),

differing as (
    (select * from fresh except select * from replaced)
    union all
    (select * from replaced except select * from fresh)
),

changed_days as (
    select
        partition_key,
        {{ item }} as item_code
    from differing
)
{% else %}
with changed_days as (
    select
        partition_key,
        item_code
    from deliveries
    where arrival = 'pulled_again'
)
{% endif %}

select
    changed_days.item_code,
    -- By name: a withdrawal is told before a day that was merely pulled again.
    min(coalesce(withdrawals.cause, 'pulled_again')) as cause,
    min(withdrawals.batch_id) as batch_id
from changed_days
left join withdrawals on withdrawals.source = $source and changed_days.partition_key = withdrawals.partition_key
group by changed_days.item_code
