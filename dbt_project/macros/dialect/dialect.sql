{# What DuckDB and Spark say differently, each in one place. The target says for which of them dbt compiles: `spark`,
   else DuckDB. Everything else in this project is written so that both read it alike (docs/scaling.md). #}

{# Whole days from one date to another, as a bigint. #}
{% macro days_between(earlier, later) -%}
    {%- if target.name == 'spark' -%}
        cast(datediff({{ later }}, {{ earlier }}) as bigint)
    {%- else -%}
        ({{ later }} - {{ earlier }})
    {%- endif -%}
{%- endmacro %}

{# Several columns as one value, which is never NULL itself. #}
{% macro tuple_of(columns) -%}
    {{ 'struct' if target.name == 'spark' else 'row' }}({{ columns | join(', ') }})
{%- endmacro %}

{# All columns of the row but some, as one value. #}
{% macro tuple_without(columns) -%}
    {%- if target.name == 'spark' -%}
        struct(* except ({{ columns | join(', ') }}))
    {%- else -%}
        row(*columns(* exclude ({{ columns | join(', ') }})))
    {%- endif -%}
{%- endmacro %}

{# All columns of a relation but some. #}
{% macro star_without(relation, columns) -%}
    {{ relation }}.* {{ 'except' if target.name == 'spark' else 'exclude' }} ({{ columns | join(', ') }})
{%- endmacro %}

{# The last value of a window's rows that is not NULL; the window's name and frame follow: `over so_far`. #}
{% macro last_value_there(value) -%}
    {%- if target.name == 'spark' -%}
        last_value({{ value }}) ignore nulls
    {%- else -%}
        last_value({{ value }} ignore nulls)
    {%- endif -%}
{%- endmacro %}

{# One row per element of a list, in the select list, on its own. #}
{% macro rows_of(list) -%}
    {{ 'explode' if target.name == 'spark' else 'unnest' }}({{ list }})
{%- endmacro %}

{# One row per day from one date to another, both included, in the select list, on its own; none where they cross. #}
{% macro days_from_to(first, last) -%}
    {%- if target.name == 'spark' -%}
        explode(case when {{ first }} <= {{ last }} then sequence({{ first }}, {{ last }}) end)
    {%- else -%}
        cast(unnest(generate_series({{ first }}, {{ last }}, interval '1' day)) as date)
    {%- endif -%}
{%- endmacro %}

{# ISO 8601: 1 is Monday, 7 Sunday. #}
{% macro iso_weekday(day) -%}
    extract({{ 'dow_iso' if target.name == 'spark' else 'isodow' }} from {{ day }})
{%- endmacro %}

{# The year that the ISO week of a day belongs to. #}
{% macro iso_year(day) -%}
    extract({{ 'yearofweek' if target.name == 'spark' else 'isoyear' }} from {{ day }})
{%- endmacro %}

{# A day as people of the place write it: 31/12/2025. #}
{% macro printed_day(day) -%}
    {%- if target.name == 'spark' -%}
        date_format({{ day }}, 'dd/MM/yyyy')
    {%- else -%}
        strftime({{ day }}, '%d/%m/%Y')
    {%- endif -%}
{%- endmacro %}

{# A text as a number, NULL for what is none. Spark reads Java's `1d` and `0x1p3` too, which are none. #}
{% macro number_of(text) -%}
    {%- if target.name == 'spark' -%}
        try_cast(case when {{ text }} rlike '^[-+0-9.eE ]+$' then {{ text }} end as double)
    {%- else -%}
        try_cast({{ text }} as double)
    {%- endif -%}
{%- endmacro %}
