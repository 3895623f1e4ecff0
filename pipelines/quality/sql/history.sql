{% macro delivered(things) %}
{% if files %}
select
    null as _key,
    partition_key as _partition,
    _row as _place,
    hash({{ entity | join(", ") }}) as _thing,
    {{ columns | join(", ") }},
    {{ state }} as _state,
    {{ state_at }} as _at
from read_parquet([{{ files | join(", ") }}], union_by_name = true)
where _thing in (select {{ things }}._thing from {{ things }})
union all
{% endif %}
select
    typed._key,
    typed._partition,
    typed._key as _place,
    accepted._thing,
    {{ columns | join(", ") }},
    {{ state }} as _state,
    {{ state_at }} as _at
from typed
inner join accepted on typed._key = accepted._key
{% if things != "accepted" %}
where accepted._thing in (select {{ things }}._thing from {{ things }})
{% endif %}
{% endmacro %}
{% macro twice() %}
select _thing
from records
group by _thing, _record
having count(*) > 1
{%- endmacro %}
-- What is asked of every row is slow: only things are looked at of which something came twice, out of order, or in
-- a move that is not foreseen. Hashes point to those: two things of one hash are looked at in vain, then told apart.
-- Where the time is part of the key, what came twice has not moved on in time.
create or replace temp table accepted as
select
    _key,
    hash({{ entity | join(", ") }}) as _thing
from typed
where _key not in (select _key from failures) and {{ entity[0] }} is not null;

create or replace temp table restless as
with records as materialized (
    select
        _thing,
        _partition,
        _place,
        {% if not time_tells %}
        hash({{ keys | join(", ") }}{{ ", _partition" if within_day }}) as _record,
        {% endif %}
        _state,
        _at
    from ({{ delivered("accepted") }}) as delivered
)

{% if has_states %}
{% if not time_tells %}
{{ twice() }}
union
{% endif %}
select _thing
from (
    select
        _thing,
        _state,
        _at,
        lag(_state) over in_order as state_before,
        lag(_at) over in_order as at_before
    from records
    window in_order as (partition by _thing order by _partition, _place)
) as moves
where
    _at is null
    or _state is null
    or _at <= at_before
    or not ({{ foreseen }});
{% else %}
{{ twice() }};
{% endif %}

create or replace temp table history as
with states as (
    select
        *,
        arg_max(_state, _at) over before as state_before,
        max(_at) over before as at_before,
        row_number() over (
            partition by {{ keys | join(", ") }}{{ ", _partition" if within_day }}
            order by _partition, _place
        ) as times_delivered
    from ({{ delivered("restless") }}) as delivered
    window before as (
        partition by {{ entity | join(", ") }}
        order by _partition, _place
        rows between unbounded preceding and 1 preceding
    )
)

select
    _key,
    case
        when times_delivered > 1 and {{ keys[0] }} is not null then concat_ws('|', {{ keys | join(", ") }})
    end as {{ repeated }},
    case
        when _at > at_before and not ({{ foreseen }}) then state_before || ' → ' || _state
    end as {{ move }},
    case when _at < at_before then cast(_state as varchar) end as {{ late }}
from states
where _key is not null
