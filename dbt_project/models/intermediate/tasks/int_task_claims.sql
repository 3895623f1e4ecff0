{{ config(materialized='view') }}

-- What the tracker's own words say about timeliness: the longest phrase found counts.
with words as (
    select distinct reported_status_raw
    from {{ ref('int_task_snapshots') }}
),

claims as (
    select
        words.reported_status_raw,
        phrases.claims_late,
        row_number() over (
            partition by words.reported_status_raw
            order by length(phrases.phrase) desc, phrases.phrase
        ) as best
    from words
    inner join {{ ref('task_status_phrases') }} as phrases
        on lower(words.reported_status_raw) like '%' || phrases.phrase || '%'
)

select
    reported_status_raw,
    claims_late
from claims
where best = 1
