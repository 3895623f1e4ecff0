{# `1.012790.000.00.00.H41` → `1.012790`: the suffix names the province, the catalogue has none. #}
{% macro procedure_code_without_suffix(code) -%}
    regexp_replace({{ code }}, '([.][0-9]{2,3}){3}[.][A-Z][0-9]{2}$', '')
{%- endmacro %}

{# Degrees as a number; NULL for what is no number, or further from zero than there is. #}
{% macro degrees(text, most) -%}
    case
        when abs({{ number_of("replace(" ~ text ~ ", ',', '.')") }}) <= {{ most }}
            then {{ number_of("replace(" ~ text ~ ", ',', '.')") }}
    end
{%- endmacro %}
