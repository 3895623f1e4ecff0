with province as (
    select
        rate.period,
        rate.denominator,
        rate.numerator,
        rate.strict_numerator,
        rate.late_arrivals
    from {{ ref('online_submission_rate', v=1) }} as rate
    inner join {{ ref('int_as_of') }} as run on rate.as_of_day = run.as_of_day
    where rate.unit_level = {{ whole() }}
),

cut as (
    select
        breakdown.period,
        breakdown.dimension,
        sum(breakdown.denominator) as denominator,
        sum(breakdown.numerator) as numerator,
        sum(breakdown.strict_numerator) as strict_numerator,
        sum(breakdown.late_arrivals) as late_arrivals
    from {{ ref('online_submission_breakdown', v=2) }} as breakdown
    inner join {{ ref('int_as_of') }} as run on breakdown.as_of_day = run.as_of_day
    group by breakdown.period, breakdown.dimension
)

select
    cut.period,
    cut.dimension
from cut
left join province on cut.period = province.period
where
    cut.denominator is distinct from province.denominator
    or cut.numerator is distinct from province.numerator
    or cut.strict_numerator is distinct from province.strict_numerator
    or cut.late_arrivals is distinct from province.late_arrivals
