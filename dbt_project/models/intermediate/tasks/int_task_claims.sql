{{ config(materialized='view') }}

-- What the tracker's own words say about timeliness: the longest phrase found counts; of two of one length the
-- place's own.
with phrases as (
    select
        phrase,
        claims_late,
        false as is_own
    from {{ ref('task_status_phrases') }}
    union all
    select
        {{ rows_of('late_phrases') }} as phrase,
        true as claims_late,
        true as is_own
    from {{ ref('int_as_of') }}
    union all
    select
        {{ rows_of('in_time_phrases') }} as phrase,
        false as claims_late,
        true as is_own
    from {{ ref('int_as_of') }}
),

words as (
    select distinct reported_status_raw
    from {{ ref('int_task_snapshots') }}
),

claims as (
    select
        words.reported_status_raw,
        phrases.claims_late,
        row_number() over (
            partition by words.reported_status_raw
            order by length(phrases.phrase) desc, phrases.is_own desc, phrases.phrase asc nulls last
        ) as best
    from words
    inner join phrases on contains(lower(words.reported_status_raw), phrases.phrase)
)

select
    reported_status_raw,
    claims_late
from claims
where best = 1
