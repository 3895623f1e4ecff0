{# First day of a period that holds `day`; NULL where the period does not reach back so far. #}
{% macro period_start(period, day) -%}
    case {{ period }}
        when 'day' then {{ day }}
        when 'week' then cast(date_trunc('week', {{ day }}) as date)
        when 'month' then cast(date_trunc('month', {{ day }}) as date)
        when 'quarter' then cast(date_trunc('quarter', {{ day }}) as date)
        when 'year' then cast(date_trunc('year', {{ day }}) as date)
        when 'since_start'
            then case when {{ day }} >= {{ counts_since() }} then {{ counts_since() }} end
    end
{%- endmacro %}

{# The day counting starts, from `place.counts_since` of sources.yaml: as-of days and the longest period start here. #}
{% macro counts_since() -%}
    (select place.counts_since from {{ ref('int_as_of') }} as place)
{%- endmacro %}
