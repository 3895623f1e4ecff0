with changes as (
    select
        source,
        batch_id,
        release_id,
        standing
    from {{ lake }}.audit.release_batches
),

taken_out as (
    select
        came.release_id as came_with,
        went.release_id as went_with
    from changes as came
    inner join changes as went
        on came.source = went.source and came.batch_id = went.batch_id and came.release_id < went.release_id
    where came.standing = 'current' and went.standing in ('superseded', 'withdrawn')
)

select release_id
from {{ lake }}.audit.release_checks
where outcome = 'accepted'
union
select came_with
from taken_out
union
select went_with
from taken_out
