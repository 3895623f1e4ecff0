with moves as (
    select date_diff('minute', before, now) as minutes
    from ({{ kept }}) as kept
    where before is not null and now is not null
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
