-- Open dossiers at the end of every as-of day: what changed up to it, cumulated over a full grid of days.
with slices as (
    select distinct
        unit_code,
        sector_code
    from {{ ref('int_dossier_backlog_changes') }}
),

grid as (
    select
        periods.as_of_day,
        slices.unit_code,
        slices.sector_code
    from {{ ref('int_periods') }} as periods
    cross join slices
    where periods.period = 'day'
),

final as (
    select
        grid.as_of_day,
        grid.unit_code,
        grid.sector_code,
        cast(coalesce(sum(daily.open_total) over so_far, 0) as bigint) as open_total,
        cast(coalesce(sum(daily.open_overdue) over so_far, 0) as bigint) as open_overdue,
        cast(coalesce(sum(daily.open_paused) over so_far, 0) as bigint) as open_paused
    from grid
    left join {{ ref('int_dossier_backlog_changes') }} as daily
        on
            grid.as_of_day = daily.change_day
            and grid.unit_code = daily.unit_code
            and grid.sector_code = daily.sector_code
    window so_far as (
        partition by grid.unit_code, grid.sector_code
        order by grid.as_of_day nulls last
        rows between unbounded preceding and current row
    )
)

select * from final
where open_total <> 0
