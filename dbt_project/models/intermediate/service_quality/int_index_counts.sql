{{ config(materialized='view') }}

-- What was counted of every item but feedback's: period × item × unit; where nothing of an item happened is no row.
{% for counts in ['int_index_received', 'int_index_handled', 'int_index_catalogue'] %}
select
    period,
    period_start,
    item,
    unit_code,
    numerator,
    denominator,
    lost,
    without_data
from {{ ref(counts) }}
union all
{% endfor %}
select
    periods.period,
    periods.period_start,
    '1.4' as item,
    {{ whole() }} as unit_code,
    sync.synchronised as numerator,
    sync.larger_count as denominator,
    sync.larger_count - sync.synchronised as lost,
    0 as without_data
from {{ ref('int_index_sync') }} as sync
cross join {{ ref('int_index_periods') }} as periods
where periods.period = 'since_start'
