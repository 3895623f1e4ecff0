create or replace temp table pulled_again as
{% if rows %}
with fresh as (
    select {{ names | join(", ") }}
    from deliveries
    where arrival = 'pulled_again'
),

replaced as (
    select
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
)

select distinct {{ item }} as item_code
from differing
{% else %}
select distinct item_code
from deliveries
where arrival = 'pulled_again'
{% endif %}
