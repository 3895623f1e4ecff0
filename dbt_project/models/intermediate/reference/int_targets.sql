{{ config(materialized='view') }}

-- The newest target counts; of two of one day that of the level itself. Each level has its own line of time.
with levels as (
    select unit_level from {{ ref('int_units') }}
    union
    select unit_level
    from {{ ref('stg_targets') }}
    where unit_level <> '*'
    union
    values ({{ whole() }}), ('unknown')
),

candidates as (
    select
        targets.metric,
        levels.unit_level,
        targets.target,
        targets.max_points,
        targets.source_document,
        targets.valid_from,
        row_number() over (
            partition by targets.metric, levels.unit_level, targets.valid_from
            order by case when targets.unit_level = '*' then 1 else 0 end nulls last
        ) as choice
    from {{ ref('stg_targets') }} as targets
    inner join levels on targets.unit_level in (levels.unit_level, '*')
)

select
    metric,
    unit_level,
    target,
    max_points,
    source_document,
    valid_from,
    coalesce(
        lead(valid_from) over (partition by metric, unit_level order by valid_from nulls last),
        cast('9999-12-31' as date)
    ) as valid_until
from candidates
where choice = 1
