-- Where the wider numerator flipped too, its field and cause are those of the narrower one.
insert into changed_items by name
with flips as (
    select
        changed.*,
        caused.cause,
        caused.batch_id,
        case when changed.is_recorded then caused.recorded_cause else caused.cause end as flip_cause
    from changed
    inner join caused
        on
            changed.period = caused.period
            and changed.item_code = caused.item_code
            and (changed.unit_before is null) = caused.has_come
            and (changed.unit_after is null) = caused.has_gone
)

select
    flips.metric,
    flips.period,
    flips.item_code,
    flips.unit_before,
    flips.counts_before,
    flips.unit_after,
    flips.counts_after,
    flips.cause,
    flips.entry_field,
    flips.batch_id,
    coalesce(wider.flip, flips.flip) as flip,
    coalesce(wider.flip_cause, flips.flip_cause) as flip_cause
from flips
left join flips as wider
    on
        flips.within = wider.metric
        and flips.period = wider.period
        and flips.item_code = wider.item_code
        and wider.counts_before <> wider.counts_after
