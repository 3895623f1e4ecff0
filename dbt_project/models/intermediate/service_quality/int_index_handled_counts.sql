-- What was received or handled in a period (2.1, 2.2, 5.4): each dossier once, judged at the period's end.
with kinds as (
    select distinct period
    from {{ ref('int_index_periods') }}
),

counted as (
    select
        periods.period,
        periods.period_start,
        dossiers.responsible_unit_code,
        {{ is_in_time('dossiers', 'periods.period_end') }} as is_in_time,
        dossiers.has_complaint,
        case when dossiers.closed_day <= periods.as_of_day then dossiers.working_days_taken end as working_days_taken
    from {{ dated(ref('int_index_dossiers'), 'received_day', 'kinds') }} as dossiers
    inner join {{ ref('int_index_periods') }} as periods
        on dossiers.dated_period = periods.period and dossiers.dated_start = periods.period_start
    union all
    select
        periods.period,
        periods.period_start,
        dossiers.responsible_unit_code,
        {{ is_in_time('dossiers', 'periods.period_end') }} as is_in_time,
        dossiers.has_complaint,
        dossiers.working_days_taken
    from {{ dated(ref('int_index_dossiers'), 'closed_day', 'kinds') }} as dossiers
    inner join {{ ref('int_index_periods') }} as periods
        on
            dossiers.dated_period = periods.period
            and dossiers.dated_start = periods.period_start
            and dossiers.received_day < periods.period_start
)

select
    period,
    period_start,
    responsible_unit_code,
    {{ item_counts('is_in_time') }},
    {{ count_if('is_in_time is not null and has_complaint') }} as complained,
    {{ count_if('not is_in_time or (is_in_time and has_complaint)') }} as lost_or_complained,
    count(working_days_taken) as finished,
    cast(coalesce(sum(working_days_taken), 0) as bigint) as days_taken
from counted
group by period, period_start, responsible_unit_code
