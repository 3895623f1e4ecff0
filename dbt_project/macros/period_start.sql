{# First day of a period that holds `day`; NULL where the period does not reach back so far. #}
{% macro period_start(period, day) -%}
    case {{ period }}
        when 'day' then {{ day }}
        when 'week' then cast(date_trunc('week', {{ day }}) as date)
        when 'month' then cast(date_trunc('month', {{ day }}) as date)
        when 'quarter' then cast(date_trunc('quarter', {{ day }}) as date)
        when 'year' then cast(date_trunc('year', {{ day }}) as date)
        when 'since_2025_07_01'
            then case when {{ day }} >= {{ two_tier_since() }} then {{ two_tier_since() }} end
    end
{%- endmacro %}

{# The first day of two-tier local government, as a date. #}
{% macro two_tier_since() -%}
    cast('{{ var("two_tier_since") }}' as date)
{%- endmacro %}
