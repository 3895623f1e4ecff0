{{ config(materialized='view') }}

-- Who reports what and when, as the contract of each source says it.
{% for source, contract in canon().items() %}
{% set first = loop.first %}
{% for level, rule in contract.reports.items() %}
{% if not (first and loop.first) %}
union all
{% endif %}
select
    '{{ source }}' as source,
    '{{ level }}' as unit_level,
    '{{ rule.expects }}' as expects,
    '{{ rule.on_days }}' as on_days,
    {{ rule.max_age_days }} as max_age_days,
    {% if rule.reason %}'{{ rule.reason }}'{% else %}cast(null as string){% endif %} as reason
{% endfor %}
{% endfor %}
