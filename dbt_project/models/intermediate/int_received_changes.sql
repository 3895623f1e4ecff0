-- How each recorded day changed the counts of received dossiers, by day received, unit and channel.
-- A dossier's first received state adds one; a corrected channel, unit or day takes it back and adds
-- it elsewhere: the sum over recorded days ≤ D is exactly the state known at the end of D.
with timeline as (

    select
        timeline.*,
        cast(timeline.received_at as date) as received_day,
        timeline.channel = 'online' as is_online,
        timeline.channel = 'online'
        and (not coalesce(procedures.needs_paper_result, false) or timeline.has_e_result)
            as is_online_strict
    from {{ ref('int_dossier_timeline') }} as timeline
    left join {{ ref('stg_procedures') }} as procedures
        on timeline.procedure_code = procedures.procedure_code

),

steps as (

    select
        cast(recorded_at as date) as recorded_day,
        received_day,
        receiving_unit_code,
        is_online,
        is_online_strict,
        lag(received_day) over dossier as old_day,
        lag(receiving_unit_code) over dossier as old_unit,
        lag(is_online) over dossier as old_online,
        lag(is_online_strict) over dossier as old_strict
    from timeline
    window dossier as (partition by dossier_code order by seq)

),

changed as (

    select *
    from steps
    where
        received_day is not null
        and (
            received_day is distinct from old_day
            or receiving_unit_code is distinct from old_unit
            or is_online is distinct from old_online
            or is_online_strict is distinct from old_strict
        )

),

signed as (

    select
        recorded_day,
        received_day,
        receiving_unit_code as unit_code,
        1 as received,
        cast(is_online as integer) as online,
        cast(is_online_strict as integer) as online_strict
    from changed

    union all

    select recorded_day, old_day, old_unit, -1, -cast(old_online as integer), -cast(old_strict as integer)
    from changed
    where old_day is not null

)

select
    recorded_day,
    received_day,
    unit_code,
    sum(received) as received,
    sum(online) as online,
    sum(online_strict) as online_strict
from signed
group by recorded_day, received_day, unit_code
