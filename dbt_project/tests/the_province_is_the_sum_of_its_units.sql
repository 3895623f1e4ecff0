select
    as_of_day,
    period,
    sum(case when unit_level = {{ whole() }} then denominator else -denominator end) as received_apart,
    sum(case when unit_level = {{ whole() }} then numerator else -numerator end) as online_apart
from {{ ref('online_submission_rate', v=1) }}
group by as_of_day, period
having received_apart <> 0 or online_apart <> 0
