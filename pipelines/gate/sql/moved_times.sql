with earlier as (
    select
        {{ key }} as record,
        min({{ column }}) as moment
    from read_parquet($before, union_by_name = true)
    group by record
),

present as (
    select
        {{ key }} as record,
        min({{ column }}) as moment
    from read_parquet($now, union_by_name = true)
    group by record
),

moves as (
    select date_diff('minute', earlier.moment, present.moment) as minutes
    from earlier
    inner join present using (record)
    where earlier.moment is not null and present.moment is not null
),

-- An export may round to minutes; the smallest difference between two zones is half an hour.
moved as (
    select minutes
    from moves
    where abs(minutes) >= 30
)

select
    (select count(*) from moves) as record_count,
    (select count(*) from moved) as moved_count,
    (select count(*) from moved where minutes = (select mode(minutes) from moved)) as alike_count,
    (select mode(minutes) from moved) as minutes
