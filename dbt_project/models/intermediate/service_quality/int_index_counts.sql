{{ config(materialized='view') }}

-- What was counted of every item but feedback's: period × item × unit; where nothing of an item happened is no row.
select
    period,
    period_start,
    item,
    unit_code,
    numerator,
    denominator,
    lost,
    without_data
from {{ ref('int_index_received') }}
union all
select
    period,
    period_start,
    item,
    unit_code,
    numerator,
    denominator,
    lost,
    without_data
from {{ ref('int_index_handled') }}
union all
select
    period,
    period_start,
    item,
    unit_code,
    numerator,
    denominator,
    lost,
    without_data
from {{ ref('int_index_catalogue') }}
union all
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
