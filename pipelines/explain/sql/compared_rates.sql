-- A rate that only one of the two releases has is not compared.
with earlier as (
    select *
    from {{ lake }}.audit.release_rates
    where release_id = $a
),

later as (
    select *
    from {{ lake }}.audit.release_rates
    where release_id = $b
),

compared as (
    select
        metric,
        period
    from earlier
    intersect
    select
        metric,
        period
    from later
),

of_unit as (
    select
        metric,
        period,
        coalesce(a.numerator, 0) as numerator_before,
        coalesce(a.denominator, 0) as denominator_before,
        coalesce(b.numerator, 0) as numerator_after,
        coalesce(b.denominator, 0) as denominator_after
    from (select * from earlier where unit_code = $unit) as a
    full join (select * from later where unit_code = $unit) as b using (metric, period)
    semi join compared using (metric, period)
)

select *
from of_unit
order by coalesce(list_position($metrics, metric), len($metrics) + 1), metric, period desc
