-- A calculation of its own, to the second: the state at the cut-off, not at the end of its day.
with cutoffs as (
    select cutoffs.*
    from {{ ref('stg_reporting_cutoffs') }} as cutoffs
    inner join {{ ref('int_as_of') }} as run on cutoffs.cutoff_at <= run.as_of
),

states_at_cutoff as (
    select
        cutoffs.cutoff_at,
        states.is_online,
        states.is_returned
    from cutoffs
    inner join {{ ref('int_dossier_states') }} as states
        on
            cutoffs.cutoff_at >= states.recorded_at
            and (states.next_recorded_at is null or cutoffs.cutoff_at < states.next_recorded_at)
            and states.received_at between cutoffs.period_start and cutoffs.cutoff_at
),

counted as (
    select
        cutoff_at,
        count(*) as received,
        {{ count_if('is_online') }} as online,
        {{ count_if('is_returned') }} as returned
    from states_at_cutoff
    group by cutoff_at
)

select
    cutoffs.cutoff_at,
    cutoffs.period_start,
    cutoffs.label_vi,
    cutoffs.label_en,
    coalesce(counted.received, 0) as received,
    coalesce(counted.online, 0) as online,
    coalesce(counted.returned, 0) as returned
from cutoffs
left join counted on cutoffs.cutoff_at = counted.cutoff_at
