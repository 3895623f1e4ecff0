{# Item 2.1 of index 766 at a moment: ended by its due time, or still open and in term. NULL where there is no limit.
   `dossier` is an alias of int_index_dossiers. #}
{% macro is_in_time(dossier, moment) -%}
    case
        when {{ dossier }}.is_asked_again then false
        when {{ dossier }}.counted_end_at <= {{ moment }}
            then {{ dossier }}.counted_end_at <= {{ dossier }}.counted_due_at
        else {{ dossier }}.counted_due_at >= {{ moment }}
    end
{%- endmacro %}

{# Columns of one item of index 766 from a condition that is true, false or NULL (the source does not say). #}
{% macro item_counts(condition) -%}
    {{ count_if(condition) }} as numerator,
    {{ count_if('(' ~ condition ~ ') is not null') }} as denominator,
    {{ count_if('not (' ~ condition ~ ')') }} as lost,
    {{ count_if('(' ~ condition ~ ') is null') }} as without_data
{%- endmacro %}

{# The CTE `feedback`: citizens' feedback of the counted days, and whether each is good for items 5.2 and 5.3, as of
   as_of. What waits and is in term counts as in time, as for dossiers; what was published more than two working days
   after the answer does not. #}
{% macro feedback_verdicts() -%}
feedback as (
    select
        feedback.unit_code,
        feedback.kind,
        cast(feedback.received_at as date) as received_day,
        cast(least(feedback.refused_at, feedback.answered_at, feedback.published_at) as date) as handled_day,
        not feedback.is_overdue
        and not (
            feedback.first_step_in_time = 'no'
            or coalesce(not feedback.is_answered_in_time, false)
            or coalesce(
                {{ working_days('answered', 'published') }} > {{ var('feedback_working_days').publish }}, false
            )
        ) as is_in_time,
        not coalesce(
            feedback.is_dissatisfied or feedback.is_complained_again or not feedback.is_answered_in_time, false
        ) as is_undisputed
    from {{ ref('feedback_backlog', v=1) }} as feedback
    inner join {{ ref('int_as_of') }} as run on cast(feedback.received_at as date) >= run.counts_since
    left join {{ ref('int_calendar') }} as answered on cast(feedback.answered_at as date) = answered.date_day
    left join {{ ref('int_calendar') }} as published on cast(feedback.published_at as date) = published.date_day
)
{%- endmacro %}

{# CTEs that end in `feedback_counts`: items 5.1, 5.2, 5.3 of citizens' feedback (period, period_start, item, unit_code,
   item_counts). #}
{% macro feedback_item_counts() -%}
{{ feedback_verdicts() }},

feedback_kinds as (
    select distinct period
    from {{ ref('int_index_periods') }}
),

dated as (
    select
        periods.period,
        periods.period_start,
        feedback.*,
        true as is_received
    from feedback
    cross join feedback_kinds
    inner join {{ ref('int_index_periods') }} as periods
        on
            feedback_kinds.period = periods.period
            and {{ period_start('feedback_kinds.period', 'feedback.received_day') }} = periods.period_start
    union all
    select
        periods.period,
        periods.period_start,
        feedback.*,
        false as is_received
    from feedback
    cross join feedback_kinds
    inner join {{ ref('int_index_periods') }} as periods
        on
            feedback_kinds.period = periods.period
            and {{ period_start('feedback_kinds.period', 'feedback.handled_day') }} = periods.period_start
            and feedback.received_day < periods.period_start
),

by_item as (
    select
        '5.1' as item,
        period,
        period_start,
        unit_code,
        kind in ('regulation', 'procedure', 'conduct') as is_good
    from dated
    where is_received and kind <> 'rating'
    union all
    select
        '5.2' as item,
        period,
        period_start,
        unit_code,
        is_in_time as is_good
    from dated
    where kind <> 'rating'
    union all
    select
        '5.3' as item,
        period,
        period_start,
        unit_code,
        is_undisputed as is_good
    from dated
    where is_received
),

feedback_counts as (
    select
        period,
        period_start,
        item,
        coalesce(unit_code, {{ whole() }}) as unit_code,
        {{ item_counts('is_good') }}
    from by_item
    group by grouping sets ((period, period_start, item, unit_code), (period, period_start, item))
)
{%- endmacro %}

{# The part of its points that an item has at a rate: full from `full_from` on, or as the rate grows up to 1. #}
{% macro share_of_points(rate) -%}
    case when {{ rate }} is not null and scoring in ('target', 'linear') then least(1.0, {{ rate }} / coalesce(full_from, 1.0)) end
{%- endmacro %}

{# The index is read for these: a day or a week has too few dossiers to score a commune by. #}
{% macro is_index_period(period) -%}
    {{ period }} in ('month', 'quarter', 'year', 'since_start')
{%- endmacro %}
