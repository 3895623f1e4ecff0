-- What form II.06a shows apart: dossiers refused without ever being received, and those submitted that wait for
-- receipt at the end of a month.
with months as (
    select
        periods.period_start as month,
        periods.as_of_day,
        periods.period_end
    from {{ ref('int_periods') }} as periods
    where periods.period = 'month'
),

dossiers as (
    select
        responsible_unit_code as unit_code,
        coalesce(sector_code, 'unknown') as sector_code,
        -- Where the time of submission is not stated, a state that came before receipt tells it.
        coalesce(submitted_at, case when received_at is null then recorded_at end) as submitted_at,
        case when received_at is null then refused_at end as refused_at,
        coalesce(received_at, refused_at, ended_at) as waited_until
    from {{ ref('int_dossier_latest') }}
),

refused as (
    select
        months.month,
        dossiers.unit_code,
        dossiers.sector_code,
        count(*) as not_received,
        0 as waiting_for_receipt
    from dossiers
    inner join months
        on
            cast(date_trunc('month', dossiers.refused_at) as date) = months.month
            and dossiers.refused_at <= months.period_end
    group by months.month, dossiers.unit_code, dossiers.sector_code
),

-- Received within the month of its submission: at the end of none it waited. A day is added, for a month's last second.
over_an_end as (
    select * from dossiers
    where
        waited_until is null
        or date_trunc('month', cast(waited_until as date) + 1) <> date_trunc('month', submitted_at)
        or waited_until > (select max(months.period_end) from months)
),

waiting as (
    select
        months.month,
        over_an_end.unit_code,
        over_an_end.sector_code,
        0 as not_received,
        count(*) as waiting_for_receipt
    from over_an_end
    inner join months
        on
            over_an_end.submitted_at <= months.period_end
            and (over_an_end.waited_until is null or over_an_end.waited_until > months.period_end)
    group by months.month, over_an_end.unit_code, over_an_end.sector_code
),

final as (
    select
        month,
        unit_code,
        sector_code,
        cast(sum(not_received) as bigint) as not_received,
        cast(sum(waiting_for_receipt) as bigint) as waiting_for_receipt
    from (
        select * from refused
        union all
        select * from waiting
    ) as parts
    group by month, unit_code, sector_code
)

select * from final
