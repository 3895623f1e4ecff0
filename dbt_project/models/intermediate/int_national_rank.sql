-- Our province's rank in each capture of the national ranking, by rate (DOMAIN §3).
with ranked as (

    select
        captured_at,
        province_code,
        received_total,
        online_total,
        {{ rate('online_total', 'received_total') }} as national_rate,
        rank() over (
            partition by captured_at
            order by {{ rate('online_total', 'received_total') }} desc nulls last
        ) as national_rank,
        count(*) over (partition by captured_at) as province_count
    from {{ ref('stg_national_ranking') }}

)

select
    captured_at,
    received_total,
    online_total,
    national_rate,
    cast(national_rank as integer) as national_rank,
    cast(province_count as integer) as province_count
from ranked
where province_code = '{{ var("national_code") }}'
