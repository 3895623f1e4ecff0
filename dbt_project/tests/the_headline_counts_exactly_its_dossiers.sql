with listed as (
    select
        cutoff_at,
        count(*) as received,
        {{ count_if('is_online') }} as online,
        {{ count_if('is_strictly_online') }} as strictly_online,
        {{ count_if('is_returned') }} as returned
    from {{ ref('audit_headline_dossiers') }}
    group by cutoff_at
)

select headline.cutoff_at
from {{ ref('online_submission_headline', v=1) }} as headline
left join listed on headline.cutoff_at = listed.cutoff_at
where
    headline.received <> coalesce(listed.received, 0)
    or headline.online <> coalesce(listed.online, 0)
    or headline.strictly_online <> coalesce(listed.strictly_online, 0)
    or headline.returned <> coalesce(listed.returned, 0)
