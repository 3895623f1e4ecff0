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

{# A relation's rows once per kind of period, with the first day of the period that `day` of theirs lies in: what
   int_periods is joined by. `kinds`: a relation of fewer kinds. Two steps, for a condition over all three relations at
   once would compare each row with each period. #}
{% macro dated(relation, day, kinds=none) -%}
    (
        select
            undated.*,
            kinds.period as dated_period,
            {{ period_start('kinds.period', 'undated.' ~ day) }} as dated_start
        from {{ relation }} as undated
        cross join {{ kinds or ref('reporting_periods') }} as kinds
    )
{%- endmacro %}

{# The day counting starts, from `place.counts_since` of sources.yaml: as-of days and the longest period start here. #}
{% macro counts_since() -%}
    (select place.counts_since from {{ ref('int_as_of') }} as place)
{%- endmacro %}
