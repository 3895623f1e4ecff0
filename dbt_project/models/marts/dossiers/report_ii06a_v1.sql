-- Columns 3 to 10 come from the flows, 11 to 13 from the state of every dossier at the end of the month: two
-- calculations, so that 3 = 7 + 11 can fail.
with months as (
    select
        period_start as month,
        as_of_day,
        period_end,
        as_of
    from {{ ref('int_periods') }}
    where period = 'month'
),

slices as (
    select distinct
        unit_code,
        sector_code
    from {{ ref('int_dossier_flow') }}
    union
    select
        unit_code,
        sector_code
    from {{ ref('int_dossier_waiting') }}
),

-- By month first: days would meet every later month.
flow_by_month as (
    select
        unit_code,
        sector_code,
        cast(date_trunc('month', event_day) as date) as event_month,
        sum(received - finished) as net
    from {{ ref('int_dossier_flow') }}
    group by 1, 2, 3
),

carried_over as (
    select
        months.month,
        flow_by_month.unit_code,
        flow_by_month.sector_code,
        sum(flow_by_month.net) as carried_over
    from flow_by_month
    inner join months on flow_by_month.event_month < months.month
    group by 1, 2, 3
),

counted as (
    select
        months.month,
        months.as_of_day,
        months.period_end,
        months.as_of,
        slices.unit_code,
        slices.sector_code,
        coalesce(flow.received_online, 0) as received_online,
        coalesce(flow.received - flow.received_online, 0) as received_other,
        cast(coalesce(carried_over.carried_over, 0) as bigint) as carried_over,
        coalesce(flow.finished, 0) as finished,
        coalesce(flow.early, 0) as early,
        coalesce(flow.on_time, 0) as on_time,
        coalesce(flow.late, 0) as late,
        coalesce(backlog.open_total, 0) as open_total,
        coalesce(backlog.open_total - backlog.open_overdue, 0) as open_in_term,
        coalesce(backlog.open_overdue, 0) as open_overdue,
        coalesce(waiting.not_received, 0) as not_received,
        coalesce(waiting.waiting_for_receipt, 0) as waiting_for_receipt,
        coalesce(flow.withdrawn, 0) as withdrawn
    from months
    cross join slices
    left join {{ ref('int_dossier_periods') }} as flow
        on
            flow.period = 'month'
            and months.month = flow.period_start
            and slices.unit_code = flow.unit_code
            and slices.sector_code = flow.sector_code
    left join carried_over
        on
            months.month = carried_over.month
            and slices.unit_code = carried_over.unit_code
            and slices.sector_code = carried_over.sector_code
    left join {{ ref('int_dossier_backlog') }} as backlog
        on
            months.as_of_day = backlog.as_of_day
            and slices.unit_code = backlog.unit_code
            and slices.sector_code = backlog.sector_code
    left join {{ ref('int_dossier_waiting') }} as waiting
        on
            months.month = waiting.month
            and slices.unit_code = waiting.unit_code
            and slices.sector_code = waiting.sector_code
),

final as (
    select
        counted.month,
        counted.unit_code,
        counted.sector_code,
        coalesce(units.unit_name, counted.unit_code) as unit_name,
        coalesce(units.unit_level, 'unknown') as unit_level,
        coalesce(sectors.sector_name, counted.sector_code) as sector_name,
        counted.period_end,
        counted.as_of,
        counted.received_online + counted.received_other + counted.carried_over as received_total,
        counted.received_online,
        counted.received_other,
        counted.carried_over,
        counted.finished as resolved_total,
        counted.early as resolved_early,
        counted.on_time as resolved_on_time,
        counted.late as resolved_late,
        counted.open_total,
        counted.open_in_term,
        counted.open_overdue,
        counted.not_received,
        counted.waiting_for_receipt,
        counted.withdrawn
    from counted
    left join {{ ref('int_today_units') }} as units on counted.unit_code = units.unit_code
    left join {{ ref('int_sectors') }} as sectors on counted.sector_code = sectors.sector_code
    where
        counted.received_online + counted.received_other + counted.carried_over + counted.finished
        + counted.open_total + counted.not_received + counted.waiting_for_receipt > 0
)

select * from final
