-- The dossiers that feedback is about, or that somebody is dissatisfied with, by the newest snapshot of each feedback.
with newest_feedback as (
    select
        dossier_code,
        kind,
        satisfaction,
        row_number() over (partition by feedback_code order by snapshot_day desc) as recency
    from {{ ref('int_feedback_snapshots') }}
)

select distinct dossier_code
from newest_feedback
where recency = 1 and dossier_code is not null and (kind <> 'rating' or satisfaction <= 2)
