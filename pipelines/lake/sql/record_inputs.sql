insert into {{ lake }}.audit.release_batches
with listed_before as (
    select *
    from {{ lake }}.audit.release_batches
    qualify row_number() over (partition by source, batch_id order by release_id desc) = 1
),

listed_now as (
    select
        source,
        partition_key,
        batch_id,
        sha256,
        {{ standing }} as standing
    from {{ batches }}
)

select
    {{ release_id }} as release_id,
    coalesce(listed_now.source, listed_before.source) as source,
    coalesce(listed_now.partition_key, listed_before.partition_key) as partition_key,
    coalesce(listed_now.batch_id, listed_before.batch_id) as batch_id,
    coalesce(listed_now.sha256, listed_before.sha256) as sha256,
    coalesce(listed_now.standing, 'absent') as standing
from listed_now
full join listed_before
    on listed_now.source = listed_before.source and listed_now.batch_id = listed_before.batch_id
where
    coalesce(listed_now.standing, 'absent') is distinct from coalesce(listed_before.standing, 'absent')
    or (listed_now.sha256 is distinct from listed_before.sha256 and listed_now.sha256 is not null)
