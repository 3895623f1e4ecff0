with earlier as (
    select
        {{ key }} as record,
        max({{ column }}) as total
    from read_parquet($before, union_by_name = true)
    group by record
),

present as (
    select
        {{ key }} as record,
        max({{ column }}) as total
    from read_parquet($now, union_by_name = true)
    group by record
),

-- A handful varies by a correction.
falls as (
    select
        record,
        earlier.total as before,
        present.total as now,
        1 - present.total / earlier.total as fall
    from earlier
    inner join present using (record)
    where earlier.total >= 20
)

select
    record,
    before,
    now,
    fall
from falls
where fall > 0
order by fall desc, record
