-- What one place's newest release says of itself as a whole, on every day: read at that release's own snapshot.
select
    as_of_day,
    period,
    period_start,
    numerator,
    denominator,
    strict_numerator,
    target
from {{ lake }}.marts.online_submission_rate
where unit_code = '{{ whole }}'
