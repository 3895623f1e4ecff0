-- The days of int_index_use_days added up by the periods that the index is read for.
with kinds as (
    select period from {{ ref('reporting_periods') }}
    where {{ is_index_period('period') }}
)

select
    uses.dated_period as period,
    uses.dated_start as period_start,
    uses.receiving_unit_code,
    uses.procedure_code,
    cast(sum(uses.uses) as bigint) as uses
from {{ dated(ref('int_index_use_days'), 'received_day', 'kinds') }} as uses
where uses.dated_start is not null
group by uses.dated_period, uses.dated_start, uses.receiving_unit_code, uses.procedure_code
