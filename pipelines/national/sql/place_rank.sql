-- The rank that the portal printed, at the place's newest cut-off that has one.
select
    cutoff_at,
    rank_captured_at,
    national_rank,
    province_count
from {{ lake }}.marts.online_submission_headline
where national_rank is not null
order by cutoff_at desc
limit 1
