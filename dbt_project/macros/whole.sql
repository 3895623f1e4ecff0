{# What stands for all units together in unit_code and in unit_level, as the canon has it (a test compares). #}
{% macro whole() -%}
    'province'
{%- endmacro %}
