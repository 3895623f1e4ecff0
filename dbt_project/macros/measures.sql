{# A share of 0..1 in full precision; a denominator of 0 gives NULL, never 0. #}
{% macro rate(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif({{ denominator }}, 0)
{%- endmacro %}

{# A sum of doubles that is the same in whatever order, and on either engine: in whole units of 10^-12. #}
{% macro sum_in_any_order(value) -%}
    cast(sum(cast(round(1000000000000 * {{ value }}) as bigint)) as double) / 1000000000000
{%- endmacro %}

{# Rows for which the condition holds, as a bigint that is never NULL. #}
{% macro count_if(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}

{# The last second of a day, as a timestamp: the moment an as-of day closes. #}
{% macro end_of_day(day) -%}
    cast({{ day }} as timestamp) + interval '86399' second
{%- endmacro %}

{# Age in working days, in steps that the citizen-petition rules give: 5 to ask, 15 to resolve, twice that. #}
{% macro working_day_bucket(age) -%}
    case
        when {{ age }} <= 5 then '0-5'
        when {{ age }} <= 15 then '6-15'
        when {{ age }} <= 30 then '16-30'
        when {{ age }} > 30 then 'over 30'
    end
{%- endmacro %}

{# The first day at whose end, or at as_of, the due time lies behind. #}
{% macro first_day_past(due_at, as_of) -%}
    case
        when {{ due_at }} < least({{ end_of_day('cast(' ~ due_at ~ ' as date)') }}, {{ as_of }})
            then cast({{ due_at }} as date)
        else cast({{ due_at }} as date) + 1
    end
{%- endmacro %}
