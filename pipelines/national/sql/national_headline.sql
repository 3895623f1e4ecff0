-- The country, as far as it is there: a sum over the places present, with how many those are of those listed.
select
    rates.period,
    max(rates.as_of_day) as as_of_day,
    cast(sum(rates.numerator) as bigint) as numerator,
    cast(sum(rates.denominator) as bigint) as denominator,
    cast(sum(rates.numerator) as double) / nullif(sum(rates.denominator), 0) as rate,
    cast(sum(rates.strict_numerator) as bigint) as strict_numerator,
    cast(sum(rates.strict_numerator) as double) / nullif(sum(rates.denominator), 0) as strict_rate,
    cast(count(*) as integer) as places_present,
    cast((select count(*) from places) as integer) as places_listed,
    count(*) = (select count(*) from places) as is_complete
from national_rates as rates
group by rates.period
