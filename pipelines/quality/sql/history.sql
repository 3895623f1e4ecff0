-- What is asked of every row is slow: only things are looked at of which something came twice, out of order, or in
-- a move that is not foreseen.
create or replace temp table delivered as
with accepted as (
    select *
    from typed
    where _key not in (select _key from failures) and {{ entity[0] }} is not null
),

things as (
    select
        row_number() over () as _thing,
        {{ thing }}
    from (select distinct {{ entity | join(", ") }} from accepted)
)

{% if files %}
select
    null as _key,
    partition_key as _partition,
    _row as _place,
    _thing,
    hash({{ keys | join(", ") }}{{ ", partition_key" if within_day }}) as _record,
    {{ columns | join(", ") }},
    cast({{ state }} as varchar) as _state,
    {{ state_at }} as _at
from read_parquet([{{ files | join(", ") }}], union_by_name = true)
inner join things on {{ same_thing }}
union all
{% endif %}
select
    _key,
    _partition,
    _key as _place,
    _thing,
    hash({{ keys | join(", ") }}{{ ", _partition" if within_day }}) as _record,
    {{ columns | join(", ") }},
    cast({{ state }} as varchar) as _state,
    {{ state_at }} as _at
from accepted
inner join things on {{ same_thing }};

create or replace temp table history as
with repeated as (
    select _record
    from delivered
    group by _record
    having count(*) > 1
),

restless as (
    select distinct _thing
    from delivered
    where _record in (select _record from repeated)
    {% if has_states %}
    union
    select _thing
    from (
        select
            _thing,
            _state,
            _at,
            lag(_state) over in_order as state_before,
            lag(_at) over in_order as at_before
        from delivered
        window in_order as (partition by _thing order by _partition, _place)
    ) as moves
    where
        _at is null
        or _state is null
        or _at <= at_before
        or not ({{ foreseen }})
    {% endif %}
),

states as (
    select
        *,
        arg_max(_state, _at) over before as state_before,
        max(_at) over before as at_before,
        row_number() over (
            partition by {{ keys | join(", ") }}{{ ", _partition" if within_day }}
            order by _partition, _place
        ) as times_delivered
    from delivered
    where _thing in (select _thing from restless)
    window before as (
        partition by _thing
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
    case when _at < at_before then _state end as {{ late }}
from states
where _key is not null
union all
select
    _key,
    null,
    null,
    null
from delivered
where _key is not null and _thing not in (select _thing from restless)
