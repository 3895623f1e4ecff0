select
    cast(recorded_at as date) as delivery_day,
    unit_code,
    count(*) as records
from {{ ref('int_dossier_states') }}
group by cast(recorded_at as date), unit_code
