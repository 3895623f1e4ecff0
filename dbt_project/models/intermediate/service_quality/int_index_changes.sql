-- By how much the counts of items since counting began change on a day, as known at as_of; feedback's aside. A dossier
-- enters on the day it is received (or closed, where it was received before) and is late from the first day past its
-- term on; a procedure of the catalogue is used from its first online dossier on.
-- handled, late        2.1, 5.4
-- received             3.3, 3.6, 4.1, 4.2
-- offered, first_uses  3.1, 3.2
with run as (
    select * from {{ ref('int_as_of') }}
),

handled as (
    select
        dossiers.responsible_unit_code as unit_code,
        case when dossiers.received_day >= run.counts_since then dossiers.received_day else dossiers.closed_day end
            as from_day,
        dossiers.is_asked_again,
        dossiers.counted_end_at <= dossiers.counted_due_at as is_ended_in_term,
        dossiers.has_complaint,
        {{ first_day_past('dossiers.counted_due_at', 'run.as_of') }} as overdue_day,
        dossiers.is_asked_again or dossiers.counted_due_at is not null as has_verdict
    from {{ ref('int_index_dossiers') }} as dossiers
    inner join run on dossiers.received_day >= run.counts_since or dossiers.closed_day >= run.counts_since
),

late as (
    select
        unit_code,
        case when is_asked_again then from_day else greatest(from_day, overdue_day) end as late_day
    from handled
    where is_asked_again or (overdue_day is not null and not coalesce(is_ended_in_term, false))
),

first_uses as (
    select
        receiving_unit_code as unit_code,
        procedure_code,
        min(received_day) as received_day
    from {{ ref('int_index_dossiers') }}
    where is_online and received_day >= {{ counts_since() }}
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
    {% for item, is_counted in [('2.1', 'has_verdict'), ('5.4', 'has_verdict and not has_complaint')] %}
    select
        '{{ item }}' as item,
        unit_code,
        from_day as change_day,
        {{ count_if(is_counted) }} as numerator,
        {{ count_if('has_verdict') }} as denominator
    from handled
    group by unit_code, from_day
    union all
    select
        '{{ item }}' as item,
        unit_code,
        late_day as change_day,
        -count(*) as numerator,
        0 as denominator
    from late
    group by unit_code, late_day
    union all
    {% endfor %}
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
