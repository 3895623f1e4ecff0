{{ config(materialized='view') }}

-- The very dossiers behind each published cut-off, to the second: their state then, not at the end of the day.
with cutoffs as (
    select cutoffs.*
    from {{ ref('stg_reporting_cutoffs') }} as cutoffs
    inner join {{ ref('int_as_of') }} as run on cutoffs.cutoff_at <= run.as_of
)

select
    cutoffs.cutoff_at,
    states.dossier_code,
    states.unit_code,
    states.received_at,
    states.is_online,
    states.is_strictly_online,
    states.is_returned
from cutoffs
inner join {{ ref('int_dossier_states') }} as states
    on
        cutoffs.cutoff_at >= states.recorded_at
        and (states.next_recorded_at is null or cutoffs.cutoff_at < states.next_recorded_at)
        and states.received_at between cutoffs.period_start and cutoffs.cutoff_at
