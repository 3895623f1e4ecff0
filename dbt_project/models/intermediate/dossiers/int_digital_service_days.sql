-- What was received on each day by unit, and what of it the three rates of digital service count.
with dossiers as (
    select
        dossiers.received_at,
        dossiers.receiving_unit_code as unit_code,
        dossiers.is_online,
        dossiers.paid_online,
        dossiers.is_digitised and dossiers.has_e_result as is_digitised_with_result,
        coalesce(procedures.has_fee, false) as has_fee,
        coalesce(procedures.service_level, dossiers.service_level, 'unknown') = 'full' as is_eligible_for_full
    from {{ ref('int_dossier_latest') }} as dossiers
    inner join {{ ref('int_as_of') }} as run on dossiers.received_at <= run.as_of
    left join {{ ref('int_procedures') }} as procedures on dossiers.procedure_code = procedures.procedure_code
)

select
    cast(received_at as date) as received_day,
    unit_code,
    count(*) as received,
    {{ count_if('is_digitised_with_result is not null') }} as digitisation_flagged,
    {{ count_if('is_digitised_with_result') }} as digitised,
    {{ count_if('has_fee') }} as fee_bearing,
    {{ count_if('has_fee and paid_online is not null') }} as payment_flagged,
    {{ count_if('has_fee and paid_online') }} as paid_online,
    {{ count_if('is_eligible_for_full') }} as eligible_for_full,
    {{ count_if('is_eligible_for_full and is_online') }} as full_online
from dossiers
group by cast(received_at as date), unit_code
