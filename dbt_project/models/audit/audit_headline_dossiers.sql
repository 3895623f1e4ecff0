-- Kept per release: the register holds the state at as_of, which may be later than that of the cut-off.
select
    cutoff_at,
    dossier_code,
    unit_code,
    received_at,
    is_online,
    is_strictly_online,
    is_returned
from {{ ref('int_cutoff_dossiers') }}
