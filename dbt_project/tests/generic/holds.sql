{# An identity of the definition: rows on which `expression` is not plainly true are faults. #}
{% test holds(model, expression) %}
select *
from {{ model }}
where ({{ expression }}) is not true
{% endtest %}
