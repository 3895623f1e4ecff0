with dossiers as (

    select * from {{ ref('int_dossiers') }}
    where received_at is not null

)

select
    cast(received_at as date) as received_day,
    coalesce(receiving_unit_code, '') as receiving_unit_code,
    coalesce(processing_unit_code, '') as processing_unit_code,
    coalesce(sector_code, '') as sector_code,
    coalesce(service_level, '') as service_level,
    channel,
    count(*) as dossiers
from dossiers
group by all
