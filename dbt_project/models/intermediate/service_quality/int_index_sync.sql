{{ config(materialized='view') }}

-- Item 1.4 for the whole place: our count of what was received up to the portal's newest capture, beside the portal's.
-- The newest by an order and a limit: of no rows, DuckDB 1.5 makes one with values from nowhere by row_number() = 1.
with newest as (
    select
        ranking.captured_at,
        ranking.received_total,
        run.counts_since
    from {{ ref('int_national_rank') }} as ranking
    inner join {{ ref('int_as_of') }} as run
        on ranking.province_code = run.place_code and ranking.captured_at <= run.as_of
    order by ranking.captured_at desc nulls last
    limit 1
),

counted as (
    select
        newest.captured_at,
        newest.received_total,
        count(dossiers.dossier_code) as received
    from newest
    left join {{ ref('int_index_dossiers') }} as dossiers
        on newest.captured_at >= dossiers.received_at and newest.counts_since <= dossiers.received_day
    group by newest.captured_at, newest.received_total
)

select
    captured_at,
    least(received, received_total) as synchronised,
    greatest(received, received_total) as larger_count,
    {{ rate('least(received, received_total)', 'greatest(received, received_total)') }} as share
from counted
