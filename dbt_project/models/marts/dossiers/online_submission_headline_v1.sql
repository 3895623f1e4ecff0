with cutoffs as (
    select
        *,
        {{ rate('online', 'received') }} as rate,
        {{ rate('strictly_online', 'received') }} as strict_rate
    from {{ ref('int_submission_at_cutoffs') }}
    where unit_code = {{ whole() }}
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
        lag(ranks.national_rank) over (order by cutoffs.cutoff_at nulls last) as previous_national_rank,
        cutoffs.rate - lag(cutoffs.rate) over (order by cutoffs.cutoff_at nulls last) as rate_change,
        targets.target,
        targets.max_points,
        -- Index 766, item 3.3: max · min(1, rate ÷ target); working definition 1, on the strict rate.
        case
            when cutoffs.strict_rate is not null and targets.target is not null
                then least(1.0, cutoffs.strict_rate / targets.target)
        end as index_766_share_of_points
    from cutoffs
    left join ranks on cutoffs.cutoff_at = ranks.cutoff_at
    left join {{ ref('int_targets') }} as targets
        on
            targets.metric = 'online_submission_rate'
            and targets.unit_level = {{ whole() }}
            and cast(cutoffs.cutoff_at as date) >= targets.valid_from
            and cast(cutoffs.cutoff_at as date) < targets.valid_until
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
    rate,
    rate_change,
    strictly_online,
    strict_rate,
    rank_captured_at,
    national_rank,
    province_count,
    previous_national_rank,
    previous_national_rank - national_rank as rank_movement,
    target,
    rate - target as gap_to_target,
    {{ additional_to_target('online', 'received', 'target') }} as additional_online_to_target,
    index_766_share_of_points,
    index_766_share_of_points * max_points as index_766_points,
    1 as index_766_definition_version
from final
