{# Where each metric stands, as rows of values: `meta.metric` of the marts' columns (one, or several in one column). #}
{% macro metric_columns() -%}
    {%- set places = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.schema == 'marts' -%}
            {%- for column in node.columns.values() if column.config.meta.metric -%}
                {%- set metrics = column.config.meta.metric -%}
                {%- for metric in ([metrics] if metrics is string else metrics) -%}
                    {%- do places.append("('" ~ node.alias ~ "', '" ~ column.name ~ "', '" ~ metric ~ "')") -%}
                {%- endfor -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ places | sort | join(',\n    ') if places else "('mart', 'column_name', 'metric')" }}
{%- endmacro %}
