with cutoffs as (

    select cutoffs.*
    from {{ ref('stg_reporting_cutoffs') }} as cutoffs
    cross join {{ ref('stg_run_parameters') }} as run
    where cutoffs.cutoff_at <= run.as_of

),

-- the capture of the cut-off's own day, the last one by that moment; a stale rank is not claimed
ranked as (

    select cutoffs.cutoff_at, ranks.national_rank, ranks.province_count
    from cutoffs
    inner join {{ ref('int_national_rank') }} as ranks
        on
            cast(ranks.captured_at as date) = cast(cutoffs.cutoff_at as date)
            and ranks.captured_at <= cutoffs.cutoff_at
    qualify row_number() over (partition by cutoffs.cutoff_at order by ranks.captured_at desc) = 1

),

joined as (

    select
        cutoffs.*,
        coalesce(counted.received, 0) as received,
        coalesce(counted.online, 0) as online,
        coalesce(counted.returned, 0) as returned,
        ranked.national_rank,
        ranked.province_count,
        lag(ranked.national_rank) over (order by cutoffs.cutoff_at) as previous_national_rank
    from cutoffs
    left join {{ ref('int_dossiers_at_cutoff') }} as counted on cutoffs.cutoff_at = counted.cutoff_at
    left join ranked on cutoffs.cutoff_at = ranked.cutoff_at

)

select
    cutoff_at,
    label_vi,
    label_en,
    period_start,
    cutoff_at as period_end,
    cutoff_at as as_of,
    received,
    online,
    returned,
    {{ rate('online', 'received') }} as rate,
    national_rank,
    province_count,
    previous_national_rank,
    previous_national_rank - national_rank as rank_movement
from joined
