-- By how much the counts of 2.1 and 5.4 since counting began change on a day, as known at as_of. A dossier enters on
-- the day it is received (or closed, where it was received before) and is late from the first day past its term on.
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
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

daily as (
    select
        item,
        unit_code,
        change_day,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator
    from changes
    group by item, unit_code, change_day
)

-- Where as many came as went nothing changed.
select * from daily
where numerator <> 0 or denominator <> 0
