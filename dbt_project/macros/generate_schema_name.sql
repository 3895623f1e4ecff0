{# The schemas are exactly the layers: staging, intermediate, marts, audit, seeds. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
