-- Every place on the same day: the newest that all of them have. Ranks by our own counts; equal rates share the better.
with common_day as (
    select min(newest_day) as as_of_day
    from (
        select max(as_of_day) as newest_day
        from place_rates
        group by place_code
    ) as newest
),

rated as (
    select
        rates.place_code,
        rates.period,
        rates.as_of_day,
        rates.period_start,
        rates.numerator,
        rates.denominator,
        cast(rates.numerator as double) / nullif(rates.denominator, 0) as rate,
        rates.strict_numerator,
        cast(rates.strict_numerator as double) / nullif(rates.denominator, 0) as strict_rate,
        rates.target
    from place_rates as rates
    inner join common_day on rates.as_of_day = common_day.as_of_day
)

select
    rated.place_code,
    rated.period,
    places.place_name,
    rated.as_of_day,
    rated.period_start,
    rated.numerator,
    rated.denominator,
    rated.rate,
    rated.strict_numerator,
    rated.strict_rate,
    rated.target,
    rated.rate - rated.target as gap_to_target,
    case
        when rated.rate is not null
            then cast(rank() over (partition by rated.period order by rated.rate desc nulls last) as integer)
    end as rank_among_present,
    cast(count(rated.rate) over (partition by rated.period) as integer) as places_ranked,
    places.release_hash
from rated
inner join places on rated.place_code = places.place_code
