with dossiers as (
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
left join dossiers on headline.cutoff_at = dossiers.cutoff_at
where
    headline.received <> coalesce(dossiers.received, 0)
    or headline.online <> coalesce(dossiers.online, 0)
    or headline.strictly_online <> coalesce(dossiers.strictly_online, 0)
    or headline.returned <> coalesce(dossiers.returned, 0)
