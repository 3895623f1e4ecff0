{# Working days from one day to another, the first day not counted (the day of receipt is not: Civil Code 2015,
   article 147). `first` and `last` are aliases of int_calendar, joined on date_day; NULL where a side is missing. #}
{% macro working_days(first, last) -%}
    ({{ last }}.working_day_number - {{ first }}.working_day_number)
{%- endmacro %}
