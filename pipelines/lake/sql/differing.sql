create table {{ differing }} as
select
    {% for key in keys %}
    coalesce(later.{{ key }}, earlier.{{ key }}) as {{ key }},
    {% endfor %}
    later.is_there is not null as is_fresh,
    earlier.is_there is not null as was_there
from (select {{ keys | join(", ") }}, hash({{ columns | join(", ") }}) as row_hash, true as is_there from {{ source }}) as later
full join (select {{ keys | join(", ") }}, hash({{ columns | join(", ") }}) as row_hash, true as is_there from {{ table }}) as earlier
    on {{ same_key }}
where later.row_hash is distinct from earlier.row_hash
