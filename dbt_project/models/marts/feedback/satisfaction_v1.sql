-- What came in a month, as known at as_of: the answers to it may come later, so a past month still changes.
with months as (
    select
        period_start as month,
        as_of_day,
        as_of
    from {{ ref('int_periods') }}
    where period = 'month'
),

feedback as (
    select *
    from {{ ref('feedback_backlog', v=1) }}
),

-- The whole place has a row in every month, a unit and a sector where something came.
counted as (
    select
        months.month,
        months.as_of_day,
        months.as_of,
        case when grouping(feedback.unit_code) = 1 then {{ whole() }} else feedback.unit_code end as unit_code,
        case when grouping(feedback.sector_code) = 1 then 'all' else feedback.sector_code end as sector_code,
        count(feedback.feedback_code) as received,
        {{ count_if("feedback.kind = 'regulation'") }} as about_regulation,
        {{ count_if("feedback.kind = 'procedure'") }} as about_procedure,
        {{ count_if("feedback.kind = 'conduct'") }} as about_conduct,
        {{ count_if("feedback.kind = 'rating'") }} as pure_ratings,
        {{ count_if("feedback.kind = 'other'") }} as about_other,
        {{ count_if("feedback.answered_at is not null or feedback.refused_at is not null") }} as handled,
        {{ count_if("feedback.is_answered_in_time") }} as answered_in_time,
        {{ count_if("feedback.is_answered_in_time is not null") }} as due_or_answered,
        {{ count_if("feedback.satisfaction is not null") }} as ratings,
        {{ count_if("feedback.is_satisfied") }} as satisfied,
        {{ count_if("feedback.is_dissatisfied") }} as dissatisfied,
        sum(feedback.satisfaction) as satisfaction_total,
        {{ count_if("feedback.is_dissatisfied or feedback.is_complained_again or not feedback.is_answered_in_time") }}
            as disputed
    from months
    cross join {{ ref('int_as_of') }} as run
    left join feedback
        on
            months.month = feedback.received_month
            and run.counts_since <= feedback.received_at
    group by
        months.month, months.as_of_day, months.as_of,
        grouping sets (
            (feedback.unit_code, feedback.sector_code), (feedback.unit_code), (feedback.sector_code), ()
        )
)

select
    counted.month,
    counted.as_of_day,
    counted.unit_code,
    units.unit_name,
    coalesce(units.unit_level, 'unknown') as unit_level,
    counted.sector_code,
    sectors.sector_name,
    counted.received,
    counted.about_regulation,
    counted.about_procedure,
    counted.about_conduct,
    counted.pure_ratings,
    counted.about_other,
    counted.handled,
    counted.answered_in_time,
    counted.due_or_answered,
    {{ rate('counted.answered_in_time', 'counted.due_or_answered') }} as rate_in_time,
    counted.ratings,
    counted.satisfied,
    counted.dissatisfied,
    {{ rate('counted.satisfied', 'counted.ratings') }} as satisfied_share,
    {{ rate('counted.satisfaction_total', 'counted.ratings') }} as mean_satisfaction,
    counted.received - counted.disputed as undisputed,
    {{ rate('counted.received - counted.disputed', 'counted.received') }} as undisputed_share,
    counted.ratings < 5 as is_small,
    counted.as_of
from counted
left join {{ ref('int_today_units') }} as units on counted.unit_code = units.unit_code
left join {{ ref('int_sectors') }} as sectors on counted.sector_code = sectors.sector_code
where counted.received > 0 or (counted.unit_code = {{ whole() }} and counted.sector_code = 'all')
