{# Tasks counted by derived bucket: the six add up to the total; the withdrawn stand apart. #}
{% macro task_counts() -%}
    {%- for bucket in ['done_on_time', 'done_late', 'done_no_due', 'open_in_term', 'open_overdue', 'open_no_due', 'withdrawn'] %}
    {{ count_if("bucket = '" ~ bucket ~ "'") }} as {{ bucket }},
    {%- endfor %}
    {{ count_if("bucket <> 'withdrawn'") }} as total,
    {{ count_if("bucket in ('done_on_time', 'done_late', 'done_no_due')") }} as completed,
    {{ count_if("bucket in ('done_on_time', 'done_late', 'done_no_due', 'open_overdue')") }} as due_or_done
{%- endmacro %}

{# The counts with both rates and the traffic light: green = none overdue. #}
{% macro task_measures(counted) -%}
    {%- for bucket in ['done_on_time', 'done_late', 'done_no_due', 'open_in_term', 'open_overdue', 'open_no_due', 'withdrawn'] %}
    {{ counted }}.{{ bucket }},
    {%- endfor %}
    {{ counted }}.total,
    {{ counted }}.completed,
    {{ rate(counted ~ '.completed', counted ~ '.total') }} as rate_completed,
    {{ counted }}.due_or_done,
    {{ rate(counted ~ '.done_on_time', counted ~ '.due_or_done') }} as rate_on_time,
    case
        when {{ counted }}.open_overdue = 0 then 'green'
        when {{ counted }}.open_overdue <= {{ var('yellow_overdue_share') }} * {{ counted }}.total then 'yellow'
        else 'red'
    end as colour
{%- endmacro %}
