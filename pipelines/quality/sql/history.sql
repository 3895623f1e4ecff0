create or replace temp table history as
with delivered as (
    select
        _key,
        _partition,
        _key as _place,
        {{ columns | join(", ") }},
        cast({{ state }} as varchar) as _state,
        {{ state_at }} as _at
    from typed
    where _key not in (select _key from failures) and {{ entity[0] }} is not null
    {% if files %}
    union all
    select
        null as _key,
        _partition,
        _row as _place,
        {{ columns | join(", ") }},
        cast({{ state }} as varchar) as _state,
        {{ state_at }} as _at
    from (
        select
            *,
            partition_key as _partition
        from read_parquet([{{ files | join(", ") }}], union_by_name = true)
    ) as earlier
    where
        exists (
            select 1
            from typed
            where {{ same_entity }}
        )
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
    case when _at < at_before then _state end as {{ late }}
from states
where _key is not null
