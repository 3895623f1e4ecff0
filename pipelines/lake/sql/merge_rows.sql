merge into {{ table }} as present
using {{ fresh }} as fresh on ({{ same_key }})
{% if attributes %}
when matched then update set
    {% for column in attributes %}
    {{ column }} = fresh.{{ column }}{{ "," if not loop.last }}
    {% endfor %}
{% endif %}
when not matched then insert (
    {{ columns | join(", ") }}
) values (
    {% for column in columns %}
    fresh.{{ column }}{{ "," if not loop.last }}
    {% endfor %}
)
