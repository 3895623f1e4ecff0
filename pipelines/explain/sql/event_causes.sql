-- `cause`: why the item came, went or changed its unit or an attribute. `recorded_cause`: why a field changed
-- that comes by an event of its own: one recorded in the period is new there, no correction.
create or replace temp table caused as
with moments as (
    select distinct
        period,
        item_code,
        unit_before is null as has_come,
        unit_after is null as has_gone,
        begins_before,
        begins_after,
        coalesce(moment_before, least(moment_after, $previous_as_of)) as applies_until,
        coalesce(moment_after, least(moment_before, $as_of)) as until
    from changed
),

repeated as (
    select
        *,
        bool_or(arrival = 'old') over (partition by {{ event }}) as is_repeated
    from deliveries
),

evidence as (
    select
        moments.*,
        min(delivery.happened_at) filter (delivery.has_begun) as first_begun,
        coalesce(bool_or(delivery.arrival = 'new'), false) as has_new,
        coalesce(bool_or(delivery.arrival = 'new' and delivery.happened_at > moments.applies_until), false)
            as has_since,
        coalesce(bool_or(delivery.arrival = 'new' and not delivery.is_repeated), false) as has_event,
        coalesce(bool_or(delivery.arrival = 'released'), false) as has_released,
        coalesce(
            bool_or(
                delivery.arrival = 'old' and delivery.has_begun and delivery.happened_at <= moments.applies_until
            ),
            false
        ) as had_begun,
        coalesce(
            any_value(pulled_again.batch_id),
            arg_max(delivery.batch_id, (delivery.delivery_order, delivery.batch_id))
                filter (delivery.arrival <> 'old')
        ) as batch_id,
        moments.item_code in (select newly_rejected.item_code from newly_rejected) as was_rejected,
        any_value(pulled_again.cause) as pulled_cause
    from moments
    left join pulled_again on moments.item_code = pulled_again.item_code
    left join repeated as delivery
        on moments.item_code = delivery.item_code and delivery.happened_at <= moments.until
    group by all
)

select
    period,
    item_code,
    has_come,
    has_gone,
    batch_id,
    case
        when pulled_cause like 'batch_%' then pulled_cause
        when has_come and (begins_after > applies_until or first_begun > applies_until) then 'new_in_period'
        when has_gone and begins_before > until then $of_time
        when has_released then 'rejection_out'
        when was_rejected then 'rejection_in'
        when pulled_cause is not null then pulled_cause
        when has_come and has_new and not had_begun then 'late_arrival'
        when has_new then 'correction'
        when applies_until <> until and (has_come or has_gone) then $of_time
        when applies_until <> until then 'correction'
        else $other
    end as cause,
    case
        when pulled_cause like 'batch_%' then pulled_cause
        when has_released then 'rejection_out'
        when was_rejected then 'rejection_in'
        when pulled_cause is not null then pulled_cause
        when has_since then 'new_in_period'
        when has_event then 'late_arrival'
        when has_new then 'correction'
        when applies_until <> until then $of_time
        else $other
    end as recorded_cause
from evidence
