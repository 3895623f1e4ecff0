-- Items of the catalogue of procedures (3.1, 3.2).
with periods as (
    select
        period,
        period_start
    from {{ ref('int_periods') }}
    where {{ is_index_period('period') }}
),

offered as (
    select * from {{ ref('int_index_offered') }}
),

catalogue as (
    select
        unit_code,
        {{ item_counts('is_online') }}
    from offered
    group by unit_code
),

used as (
    select
        periods.period,
        periods.period_start,
        uses.receiving_unit_code,
        uses.procedure_code
    from {{ ref('int_index_use_periods') }} as uses
    inner join periods
        on uses.period = periods.period and uses.period_start = periods.period_start
),

used_by_unit as (
    select * from used
    union
    select
        period,
        period_start,
        {{ whole() }} as receiving_unit_code,
        procedure_code
    from used
),

used_counts as (
    select
        used_by_unit.period,
        used_by_unit.period_start,
        offered.unit_code,
        count(*) as procedures
    from used_by_unit
    inner join offered
        on
            used_by_unit.receiving_unit_code = offered.unit_code
            and used_by_unit.procedure_code = offered.procedure_code
    where offered.is_online
    group by used_by_unit.period, used_by_unit.period_start, offered.unit_code
)

select
    periods.period,
    periods.period_start,
    '3.1' as item,
    catalogue.unit_code,
    catalogue.numerator,
    catalogue.denominator,
    catalogue.lost,
    catalogue.without_data
from catalogue
cross join periods
union all
select
    periods.period,
    periods.period_start,
    '3.2' as item,
    catalogue.unit_code,
    coalesce(used_counts.procedures, 0) as numerator,
    catalogue.numerator as denominator,
    catalogue.numerator - coalesce(used_counts.procedures, 0) as lost,
    0 as without_data
from catalogue
cross join periods
left join used_counts
    on
        periods.period = used_counts.period
        and periods.period_start = used_counts.period_start
        and catalogue.unit_code = used_counts.unit_code
