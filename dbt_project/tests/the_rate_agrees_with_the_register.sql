with cumulated as (
    select
        rate.unit_code,
        rate.denominator,
        rate.numerator,
        rate.strict_numerator
    from {{ ref('online_submission_rate', v=1) }} as rate
    inner join {{ ref('int_as_of') }} as run on rate.as_of_day = run.as_of_day
    where rate.period = 'since_start' and rate.unit_level <> {{ whole() }}
),

counted as (
    select
        receiving_unit_code,
        sum(received) as received,
        sum(case when channel = 'online' then received else 0 end) as online,
        sum(strictly_online) as strictly_online
    from {{ ref('submission_by_channel_daily', v=1) }}
    inner join {{ ref('int_as_of') }} as run on run.as_of_day >= {{ counts_since() }}
    where received_day >= {{ counts_since() }}
    group by receiving_unit_code
)

select *
from cumulated
full outer join counted on cumulated.unit_code = counted.receiving_unit_code
where
    coalesce(cumulated.denominator, 0) <> coalesce(counted.received, 0)
    or coalesce(cumulated.numerator, 0) <> coalesce(counted.online, 0)
    or coalesce(cumulated.strict_numerator, 0) <> coalesce(counted.strictly_online, 0)
