with cutoffs as (
    select * from {{ ref('int_submission_at_cutoffs') }}
),

-- The newest capture of the national portal that existed at the cut-off.
captures as (
    select
        cutoffs.cutoff_at,
        max(ranking.captured_at) as captured_at
    from cutoffs
    inner join {{ ref('int_national_rank') }} as ranking on cutoffs.cutoff_at >= ranking.captured_at
    inner join {{ ref('int_as_of') }} as run on ranking.province_code = run.place_code
    group by cutoffs.cutoff_at
),

ranks as (
    select
        captures.cutoff_at,
        captures.captured_at,
        ranking.national_rank,
        ranking.province_count
    from captures
    inner join {{ ref('int_national_rank') }} as ranking
        on captures.captured_at = ranking.captured_at
    inner join {{ ref('int_as_of') }} as run on ranking.province_code = run.place_code
),

final as (
    select
        cutoffs.*,
        ranks.captured_at as rank_captured_at,
        ranks.national_rank,
        ranks.province_count,
        lag(ranks.national_rank) over (order by cutoffs.cutoff_at) as previous_national_rank
    from cutoffs
    left join ranks on cutoffs.cutoff_at = ranks.cutoff_at
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
    rank_captured_at,
    national_rank,
    province_count,
    previous_national_rank,
    previous_national_rank - national_rank as rank_movement
from final
