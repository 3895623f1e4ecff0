-- How much each unit has in each delivery of each source; all units together are a unit too.
{% for source in canon() %}
{% if not loop.first %}
union all
{% endif %}
select
    '{{ source }}' as source,
    delivery_day,
    unit_code,
    records
from {{ ref('int_' ~ source ~ '_reports') }}
{% endfor %}
