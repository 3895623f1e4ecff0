-- The rank that the portal printed, at the place's newest cut-off that has one.
select
    cutoff_at,
    rank_captured_at,
    national_rank,
    province_count
from {{ lake }}.marts.online_submission_headline_v1
where national_rank is not null
qualify row_number() over (order by cutoff_at desc) = 1
