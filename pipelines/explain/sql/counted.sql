{% if reads %}
with
{% for name, relation in reads.items() %}
{{ name }} as (select * from {{ relation }}){{ "," if not loop.last }}
{% endfor %}
{% endif %}
select *
from (
    select
        {{ rule.source | literal }} as source,
        {{ rate.metric | literal }} as metric,
        {{ rule.period }} as period,
        {{ rule.item }} as item_code,
        {{ rule.unit }} as unit_code,
        {{ rate.counts }} as counts,
        cast({{ rule.begins }} as timestamp) as begins,
        {{ (rule.entry_field | literal) if rule.entry_field else "null" }} as entry_field,
        cast({{ rule.moment }} as timestamp) as moment,
        {{ rate.flip.field | literal }} as flip,
        {{ (rate.flip.unless_changed | literal) if rate.flip.unless_changed else "null" }} as watched_column,
        cast({{ rate.flip.unless_changed or "null" }} as varchar) as watched,
        {{ rate.flip.is_recorded | lower }} as is_recorded,
        {{ (rate.within | literal) if rate.within else "null" }} as within
    from {{ mart }}
    where ({{ rule.among }}) and ({{ rate.among }})
) as items
where counts is not null
