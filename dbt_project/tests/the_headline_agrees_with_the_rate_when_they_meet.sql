select
    headline.cutoff_at,
    headline.received,
    headline.online,
    rate.denominator,
    rate.numerator
from {{ ref('online_submission_headline', v=1) }} as headline
inner join {{ ref('online_submission_rate', v=1) }} as rate
    on
        headline.cutoff_at = rate.as_of
        and rate.unit_level = {{ whole() }}
        and rate.period = 'since_start'
        and headline.period_start = cast(rate.period_start as timestamp)
where headline.received <> rate.denominator or headline.online <> rate.numerator
