with captures as (
    select
        ranking.*,
        -- The same capture may be delivered again with a later snapshot; the latest counts.
        row_number() over (
            partition by ranking.captured_at, ranking.province_code
            order by ranking.snapshot_day desc, ranking.batch_id desc, ranking.batch_row desc
        ) as delivery
    from {{ ref('stg_national_ranking') }} as ranking
    inner join {{ ref('int_as_of') }} as run on ranking.captured_at <= run.as_of
),

rated as (
    select
        batch_id,
        snapshot_day,
        captured_at,
        province_code,
        province_name,
        received_total,
        online_total,
        {{ rate('online_total', 'received_total') }} as rate
    from captures
    where delivery = 1
),

ranked as (
    select
        *,
        -- Equal rates share the better rank; a province without dossiers has none.
        case
            when rate is not null
                then cast(rank() over (partition by captured_at order by rate desc nulls last) as integer)
        end as national_rank,
        cast(count(*) over (partition by captured_at) as integer) as province_count
    from rated
)

select * from ranked
