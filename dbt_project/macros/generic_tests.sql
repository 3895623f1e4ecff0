{# The few generic tests this project needs; no packages, so that nothing is downloaded. #}

{% test unique_combination(model, columns) %}
select {{ columns | join(', ') }}, count(*) as copies
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{% test holds(model, expression) %}
{# Rows for which the expression is false; unknown counts as false. #}
select * from {{ model }} where not coalesce({{ expression }}, false)
{% endtest %}

{% test not_empty(model) %}
select count(*) as found from {{ model }} having count(*) = 0
{% endtest %}
