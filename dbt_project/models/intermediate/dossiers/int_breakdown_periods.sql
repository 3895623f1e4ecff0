-- The days of int_breakdown_days added up, for every kind of period that they lie in.
select
    daily.dated_period as period,
    daily.dated_start as period_start,
    daily.dimension,
    daily.member,
    cast(sum(daily.received) as bigint) as received,
    cast(sum(daily.online) as bigint) as online,
    cast(sum(daily.postal) as bigint) as postal,
    cast(sum(daily.strictly_online) as bigint) as strictly_online,
    cast(sum(daily.late_arrivals) as bigint) as late_arrivals
from {{ dated(ref('int_breakdown_days'), 'received_day') }} as daily
where daily.dated_start is not null
group by daily.dated_period, daily.dated_start, daily.dimension, daily.member
