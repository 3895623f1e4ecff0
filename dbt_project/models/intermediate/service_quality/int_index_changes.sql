-- By how much the counts of items since counting began change on a day, as known at as_of; feedback's aside. A
-- procedure of the catalogue is used from its first online dossier on.
-- handled_days         2.1, 5.4
-- received_days        3.3, 3.6, 4.1, 4.2
-- offered, first_uses  3.1, 3.2
with run as (
    select * from {{ ref('int_as_of') }}
),

first_uses as (
    select
        receiving_unit_code as unit_code,
        procedure_code,
        min(received_day) as received_day
    from {{ ref('int_index_use_days') }}
    where received_day >= {{ counts_since() }}
    group by receiving_unit_code, procedure_code
),

first_uses_of_all as (
    select
        unit_code,
        procedure_code,
        received_day
    from first_uses
    union all
    select
        {{ whole() }} as unit_code,
        procedure_code,
        min(received_day) as received_day
    from first_uses
    group by procedure_code
),

changes as (
    select
        item,
        unit_code,
        change_day,
        numerator,
        denominator
    from {{ ref('int_index_handled_days') }}
    union all
    select
        item,
        unit_code,
        received_day as change_day,
        numerator,
        denominator
    from {{ ref('int_index_received_days') }}
),

of_all as (
    select
        item,
        coalesce(unit_code, {{ whole() }}) as unit_code,
        change_day,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from changes
    group by grouping sets ((item, unit_code, change_day), (item, change_day))
    union all
    select
        '3.1' as item,
        offered.unit_code,
        run.counts_since as change_day,
        {{ count_if('offered.is_online') }} as numerator,
        count(offered.is_online) as denominator
    from {{ ref('int_index_offered') }} as offered
    cross join run
    group by offered.unit_code, run.counts_since
    union all
    select
        '3.2' as item,
        offered.unit_code,
        run.counts_since as change_day,
        0 as numerator,
        count(*) as denominator
    from {{ ref('int_index_offered') }} as offered
    cross join run
    where offered.is_online
    group by offered.unit_code, run.counts_since
    union all
    select
        '3.2' as item,
        offered.unit_code,
        uses.received_day as change_day,
        count(*) as numerator,
        0 as denominator
    from {{ ref('int_index_offered') }} as offered
    inner join first_uses_of_all as uses
        on offered.unit_code = uses.unit_code and offered.procedure_code = uses.procedure_code
    where offered.is_online
    group by offered.unit_code, uses.received_day
)

select
    item,
    unit_code,
    change_day,
    sum(numerator) as numerator,
    sum(denominator) as denominator
from of_all
where change_day >= {{ counts_since() }}
group by item, unit_code, change_day
