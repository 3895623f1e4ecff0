{# Beyond the calendar no as-of day would exist, and the marts would end in silence. #}
{% test as_of_is_within_the_calendar(model) %}
select as_of_day
from {{ model }}
where as_of_day not in (select date_day from {{ ref('int_calendar') }})
{% endtest %}
