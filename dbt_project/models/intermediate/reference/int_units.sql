-- A bare unit code means nothing without a date: all 130 new codes re-use an old one.
with recursive versions as (
    select
        units.*,
        row_number() over (partition by units.unit_code order by units.valid_from nulls last) as version_number,
        lead(units.valid_from) over (partition by units.unit_code order by units.valid_from nulls last)
            as next_valid_from,
        units.valid_from <= run.as_of_day and (units.valid_to is null or units.valid_to > run.as_of_day) as is_current
    from {{ ref('stg_units') }} as units
    cross join {{ ref('int_as_of') }} as run
),

successors as (
    select
        old.unit_code,
        old.valid_from,
        new.unit_code as successor_code,
        new.valid_from as successor_valid_from
    from versions as old
    inner join {{ ref('stg_unit_mapping') }} as mapping on old.unit_code = mapping.old_unit_code
    inner join versions as new
        on
            mapping.new_unit_code = new.unit_code
            and old.valid_to >= new.valid_from
            and (new.valid_to is null or old.valid_to < new.valid_to)
            and old.valid_from < new.valid_from
    cross join {{ ref('int_as_of') }} as run
    where new.valid_from <= run.as_of_day
),

-- The chain of mergers, however many reorganisations lie between.
chain as (
    select
        unit_code,
        valid_from,
        unit_code as reached_code,
        valid_from as reached_valid_from
    from versions
    union all
    select
        chain.unit_code,
        chain.valid_from,
        successors.successor_code,
        successors.successor_valid_from
    from chain
    inner join successors
        on
            chain.reached_code = successors.unit_code
            and chain.reached_valid_from = successors.valid_from
),

today as (
    select
        unit_code,
        valid_from,
        reached_code as today_unit_code,
        reached_valid_from as today_valid_from
    from (
        select
            *,
            row_number() over (
                partition by unit_code, valid_from
                order by reached_valid_from desc, reached_code asc nulls last
            ) as newest
        from chain
    ) as ranked
    where newest = 1
),

final as (
    select
        versions.unit_code,
        versions.valid_from,
        versions.valid_to,
        versions.unit_name,
        versions.unit_type,
        versions.unit_level,
        versions.district_name,
        versions.latitude,
        versions.longitude,
        versions.is_current,
        -- Every date of a code falls into exactly one version: gaps belong to the version before.
        case when versions.version_number = 1 then cast('0001-01-01' as date) else versions.valid_from end
            as applies_from,
        coalesce(versions.next_valid_from, cast('9999-12-31' as date)) as applies_to,
        -- A name alone names a unit only where no other bore it at the same time; else its district must be said.
        cast((
            select count(*)
            from versions as namesakes
            where
                namesakes.unit_name = versions.unit_name
                and namesakes.unit_code <> versions.unit_code
                and namesakes.valid_from < coalesce(versions.valid_to, cast('9999-12-31' as date))
                and versions.valid_from < coalesce(namesakes.valid_to, cast('9999-12-31' as date))
        ) as integer) as namesakes,
        case when today.today_valid_from > versions.valid_from then today.today_unit_code end as successor_unit_code,
        today.today_unit_code,
        reached.unit_name as today_unit_name,
        reached.unit_level as today_unit_level
    from versions
    inner join today
        on versions.unit_code = today.unit_code and versions.valid_from = today.valid_from
    inner join versions as reached
        on today.today_unit_code = reached.unit_code and today.today_valid_from = reached.valid_from
)

select * from final
