with dossiers as (
    select
        *,
        cast(received_at as date) as received_day
    from {{ ref('dossier_register', v=1) }}
    where is_received
),

-- Received after the as_of by its own clock, though already recorded: not yet counted.
counted as (
    select dossiers.*
    from dossiers
    inner join {{ ref('int_as_of') }} as run on dossiers.received_at <= run.as_of
),

final as (
    select
        received_day,
        receiving_unit_code,
        coalesce(processing_unit_code, 'unknown') as processing_unit_code,
        coalesce(sector_code, 'unknown') as sector_code,
        coalesce(service_level, 'unknown') as service_level,
        channel,
        count(*) as received,
        {{ count_if('is_strictly_online') }} as strictly_online,
        {{ count_if('is_late_arrival') }} as late_arrivals,
        {{ count_if('is_open') }} as still_open,
        {{ count_if('not is_open') }} as finished,
        {{ count_if('is_returned') }} as returned
    from counted
    group by 1, 2, 3, 4, 5, 6
)

select * from final
