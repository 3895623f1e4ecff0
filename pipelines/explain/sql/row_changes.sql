create or replace temp table row_changes as
select
    case
        when earlier.is_there is null then 'added'
        when later.is_there is null then 'removed'
        else 'changed'
    end as change,
    {% for key in keys %}
    coalesce(later.{{ key }}, earlier.{{ key }}) as {{ key }}{{ "," if not loop.last or attributes }}
    {% endfor %}
    {% for column, flag in attributes.items() %}
    earlier.{{ column }} is distinct from later.{{ column }} as {{ flag }}{{ "," if not loop.last }}
    {% endfor %}
from (select *, true as is_there from {{ before }}) as earlier
full join (select *, true as is_there from {{ after }}) as later
    on {% for key in keys %}{{ "and " if not loop.first }}earlier.{{ key }} is not distinct from later.{{ key }} {% endfor %}

where
    earlier.is_there is null
    or later.is_there is null
    {% for column in attributes %}
    or earlier.{{ column }} is distinct from later.{{ column }}
    {% endfor %}
