-- Components of index 766 that a place's marts carry, for the year that its newest release is in.
with newest as (
    select max(as_of_day) as as_of_day
    from {{ lake }}.marts.online_submission_rate
),

components as (
    select
        'online_submission_rate_strict' as component,
        rates.as_of_day,
        rates.strict_numerator as numerator,
        rates.denominator
    from {{ lake }}.marts.online_submission_rate as rates
    where rates.unit_code = '{{ whole }}' and rates.period = 'year'
    union all
    select
        rates.metric as component,
        rates.as_of_day,
        rates.numerator,
        rates.denominator
    from {{ lake }}.marts.digital_service_rate as rates
    where rates.unit_code = '{{ whole }}' and rates.period = 'year'
    union all
    select
        'on_time_rate' as component,
        timeliness.as_of_day,
        timeliness.early + timeliness.on_time as numerator,
        timeliness.finished as denominator
    from {{ lake }}.marts.dossier_timeliness as timeliness
    where timeliness.unit_code = '{{ whole }}' and timeliness.sector_code = 'all' and timeliness.period = 'year'
    union all
    select
        'satisfied_share' as component,
        satisfaction.as_of_day,
        satisfaction.satisfied as numerator,
        satisfaction.ratings as denominator
    from {{ lake }}.marts.satisfaction as satisfaction
    where satisfaction.unit_code = '{{ whole }}' and satisfaction.sector_code = 'all'
)

select
    components.component,
    components.as_of_day,
    components.numerator,
    components.denominator,
    cast(components.numerator as double) / nullif(components.denominator, 0) as rate
from components
inner join newest on components.as_of_day = newest.as_of_day
