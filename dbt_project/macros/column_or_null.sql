{# An optional column of a source: its values where the contract has it, else NULL. #}
{% macro column_or_null(relation, name) -%}
    {%- set found = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if execute else [] -%}
    {{ name if name in found else 'cast(null as varchar)' }}
{%- endmacro %}
