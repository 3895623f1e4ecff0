-- What changed its unit leaves one and joins the other as it was; then its numerator moves.
insert into movements by name
with moved as (
    select *
    from changed_items
    semi join compared using (metric, period)
)

select
    metric,
    period,
    item_code,
    unit_after as unit_code,
    cause,
    batch_id,
    case when cause = 'correction' then entry_field end as field,
    cast(counts_after as bigint) as numerator_change,
    cast(1 as bigint) as denominator_change
from moved
where unit_before is null
union all
select
    metric,
    period,
    item_code,
    unit_before,
    cause,
    batch_id,
    case when cause = 'correction' then entry_field end,
    -cast(counts_before as bigint),
    -1
from moved
where unit_after is null
union all
select
    metric,
    period,
    item_code,
    unit_before,
    cause,
    batch_id,
    'unit',
    -cast(counts_before as bigint),
    -1
from moved
where unit_before <> unit_after
union all
select
    metric,
    period,
    item_code,
    unit_after,
    cause,
    batch_id,
    'unit',
    cast(counts_before as bigint),
    1
from moved
where unit_before <> unit_after
union all
select
    metric,
    period,
    item_code,
    unit_after,
    coalesce(flip_cause, cause),
    batch_id,
    flip,
    cast(counts_after as bigint) - cast(counts_before as bigint),
    0
from moved
where counts_before <> counts_after
