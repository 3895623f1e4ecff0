{{ config(materialized='view') }}

-- Systems disagree on code 8: an end state in the reference formulas, a pause in others. The place says which.
select
    statuses.status_code,
    statuses.stage,
    statuses.name_vi,
    statuses.name_en,
    statuses.is_received,
    statuses.is_resolved,
    case when statuses.stage = 'stopped' then run.stopped_is_end else statuses.is_end end as is_end,
    case when statuses.stage = 'stopped' then not run.stopped_is_end else statuses.pauses_clock end as pauses_clock,
    statuses.state_order
from {{ ref('dossier_statuses') }} as statuses
cross join {{ ref('int_as_of') }} as run
