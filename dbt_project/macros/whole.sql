{# Written by `thongsuot docs` from expectations/; not by hand. #}
{# What stands for all units together in unit_code and in unit_level. #}
{% macro whole() -%}
    'province'
{%- endmacro %}
