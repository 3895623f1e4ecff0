{# Buckets are exhaustive and exclusive: on every row the parts sum to the total. #}
{% test parts_add_up(model, total, parts) %}
select *
from {{ model }}
where ({{ parts | join(' + ') }}) is distinct from {{ total }}
{% endtest %}
