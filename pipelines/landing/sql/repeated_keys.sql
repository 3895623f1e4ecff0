with keys as (
    select
        [{{ cleaned | join(", ") }}] as key,
        [{{ texts | join(", ") }}] as text
    from {{ relation }}
),

repeated as (
    select
        key,
        count(*) as times,
        list(distinct text) as texts
    from keys
    where key[1] is not null
    group by key
    having count(*) > 1
)

select
    count(*) over () as key_count,
    sum(times - 1) over () as extra_rows,
    texts
from repeated
order by key
limit 5
