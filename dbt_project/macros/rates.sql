{# Denominator 0 gives NULL, never 0 (DOMAIN §3). #}
{% macro rate(numerator, denominator) -%}
    case when {{ denominator }} > 0 then cast({{ numerator }} as double) / {{ denominator }} end
{%- endmacro %}

{# DOMAIN §4: derive, don't trust. A task is done when it has a date of completion that has come. #}
{% macro task_bucket(completed, due, today) -%}
    case
        when {{ completed }} <= {{ today }} then
            case
                when {{ due }} is null then 'done_no_due'
                when {{ completed }} <= {{ due }} then 'done_on_time'
                else 'done_late'
            end
        when {{ due }} is null then 'open_no_due'
        when {{ today }} <= {{ due }} then 'open_in_term'
        else 'open_overdue'
    end
{%- endmacro %}

{# DOMAIN §3: dates are compared, not timestamps; no due date counts as on time (and is flagged). #}
{% macro timeliness(ended, due) -%}
    case
        when {{ ended }} is null then null
        when {{ due }} is null then 'on_time'
        when cast({{ ended }} as date) < cast({{ due }} as date) then 'early'
        when cast({{ ended }} as date) = cast({{ due }} as date) then 'on_time'
        else 'late'
    end
{%- endmacro %}

{# First day of the period that a day lies in; `period` is a column of the seed `periods`. #}
{% macro period_start(period, day) -%}
    cast(case {{ period }}
        when 'day' then {{ day }}
        when 'week' then date_trunc('week', {{ day }})
        when 'month' then date_trunc('month', {{ day }})
        when 'quarter' then date_trunc('quarter', {{ day }})
        when 'year' then date_trunc('year', {{ day }})
        else date '{{ var("period_start") }}'
    end as date)
{%- endmacro %}
