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
    from {{ ref('int_dossier_current') }}
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

waiting as (
    select
        months.month,
        dossiers.unit_code,
        dossiers.sector_code,
        0 as not_received,
        count(*) as waiting_for_receipt
    from dossiers
    inner join months
        on
            dossiers.submitted_at <= months.period_end
            and (dossiers.waited_until is null or dossiers.waited_until > months.period_end)
    group by months.month, dossiers.unit_code, dossiers.sector_code
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
