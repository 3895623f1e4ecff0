-- Records that both deliveries have, with a value of each: null where one of them has none.
with earlier as (
    select
        {{ key }} as record,
        {{ value }} as before
    from read_parquet($before, union_by_name = true)
    group by record
),

present as (
    select
        {{ key }} as record,
        {{ value }} as now
    from read_parquet($now, union_by_name = true)
    group by record
)

select
    record,
    earlier.before,
    present.now
from earlier
inner join present using (record)
