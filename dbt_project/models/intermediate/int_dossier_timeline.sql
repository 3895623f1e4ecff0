-- One row per dossier state seen by as_of, in order, with what was known by then.
-- `seq` orders a dossier's states deterministically: by time, then by status, then by sync.
with states as (

    select
        states.*,
        coalesce(statuses.is_received, false) as is_received_state
    from {{ ref('stg_dossier_states') }} as states
    cross join {{ ref('stg_run_parameters') }} as run
    left join {{ ref('dossier_statuses') }} as statuses on states.status_code = statuses.status_code
    where states.recorded_at <= run.as_of

)

select
    dossier_code,
    recorded_at,
    status_code,
    channel,
    service_level,
    procedure_code,
    receiving_unit_code,
    coalesce(has_e_result, false) as has_e_result,
    batch_id,
    _row,
    row_number() over known as seq,
    -- received: the last time of receipt that was told, else the first received state (DOMAIN §2)
    coalesce(
        last_value(received_at ignore nulls) over known,
        min(case when is_received_state then recorded_at end) over known
    ) as received_at
from states
window known as (
    partition by dossier_code
    order by recorded_at, status_code, synced_at
    rows between unbounded preceding and current row
)
