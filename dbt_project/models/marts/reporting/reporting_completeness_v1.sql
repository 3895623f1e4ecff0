-- Every day × source × unit has one reason; the first line that holds decides:
-- source begins later        before_source_begins          not_applicable
-- unit begins later          unit_not_existing             not_applicable
-- rule expects none of it    the rule's own reason         not_applicable
-- rest day, working only     non_working_day               not_applicable
-- no delivery young enough   source_not_delivered          not_provided
-- delivered, rows or none    delivered / unit_silent       reported / not_provided
with days as (
    select
        calendar.date_day as as_of_day,
        calendar.is_working_day,
        least({{ end_of_day('calendar.date_day') }}, run.as_of) as as_of
    from {{ ref('int_calendar') }} as calendar
    inner join {{ ref('int_as_of') }} as run on calendar.date_day <= run.as_of_day
    where calendar.date_day >= (select min(deliveries.begins_on) from {{ ref('int_deliveries') }} as deliveries)
),

units as (
    select
        unit_code,
        unit_name,
        unit_level,
        valid_from
    from {{ ref('int_units') }}
    where is_current
    union all
    select
        {{ whole() }} as unit_code,
        whole_name_vi as unit_name,
        {{ whole() }} as unit_level,
        cast('0001-01-01' as date) as valid_from
    from {{ ref('int_as_of') }}
),

begins as (
    select distinct
        source,
        begins_on
    from {{ ref('int_deliveries') }}
),

in_force as (
    select
        days.as_of_day,
        deliveries.source,
        deliveries.delivery_day
    from days
    inner join {{ ref('int_deliveries') }} as deliveries
        on
            days.as_of_day >= deliveries.delivery_day
            and (deliveries.next_delivery_day is null or days.as_of_day < deliveries.next_delivery_day)
),

reporters as (
    select distinct
        source,
        unit_code
    from {{ ref('int_reports') }}
),

expectations as (
    select
        days.*,
        rules.source,
        rules.unit_level,
        units.unit_code,
        units.unit_name,
        in_force.delivery_day,
        coalesce(reports.records, 0) as records,
        -- Not expected, for the first reason that holds; then whether it came.
        case
            when begins.begins_on is null or days.as_of_day < begins.begins_on then 'before_source_begins'
            when days.as_of_day < units.valid_from then 'unit_not_existing'
            when rules.expects = 'none' or (rules.expects = 'seen' and reporters.unit_code is null) then rules.reason
            when rules.on_days = 'working' and not days.is_working_day then 'non_working_day'
        end as excuse,
        coalesce({{ days_between('in_force.delivery_day', 'days.as_of_day') }} <= rules.max_age_days, false)
            as is_delivered
    from days
    cross join {{ ref('int_reporting_rules') }} as rules
    inner join units on rules.unit_level = units.unit_level
    left join begins on rules.source = begins.source
    left join reporters on rules.source = reporters.source and units.unit_code = reporters.unit_code
    left join in_force on rules.source = in_force.source and days.as_of_day = in_force.as_of_day
    left join {{ ref('int_reports') }} as reports
        on
            rules.source = reports.source
            and in_force.delivery_day = reports.delivery_day
            and units.unit_code = reports.unit_code
),

verdicts as (
    select
        *,
        case
            when excuse is not null then excuse
            when not is_delivered then 'source_not_delivered'
            when records > 0 then 'delivered'
            else 'unit_silent'
        end as reason
    from expectations
),

unit_rows as (
    select
        as_of_day,
        source,
        unit_level,
        unit_code,
        unit_name,
        as_of,
        reason,
        delivery_day,
        1 as units,
        case when excuse is null then 1 else 0 end as expected,
        case when reason = 'delivered' then 1 else 0 end as reported,
        case when reason in ('source_not_delivered', 'unit_silent') then 1 else 0 end as missing,
        case when excuse is not null then 1 else 0 end as not_applicable,
        case when is_delivered then records else 0 end as records
    from verdicts
),

totals as (
    select
        as_of_day,
        source,
        unit_level,
        'all' as unit_code,
        'Tất cả' as unit_name,
        as_of,
        'total' as reason,
        delivery_day,
        sum(units) as units,
        sum(expected) as expected,
        sum(reported) as reported,
        sum(missing) as missing,
        sum(not_applicable) as not_applicable,
        sum(records) as records
    from unit_rows
    group by as_of_day, source, unit_level, as_of, delivery_day
),

final as (
    select * from unit_rows
    union all
    select * from totals
)

select
    final.as_of_day,
    final.source,
    final.unit_level,
    final.unit_code,
    final.unit_name,
    final.as_of,
    case
        when final.missing > 0 then 'not_provided'
        when final.expected > 0 then 'reported'
        else 'not_applicable'
    end as status,
    final.reason,
    reasons.name_vi as reason_vi,
    final.delivery_day,
    cast(final.units as bigint) as units,
    cast(final.expected as bigint) as expected,
    cast(final.reported as bigint) as reported,
    cast(final.missing as bigint) as missing,
    cast(final.not_applicable as bigint) as not_applicable,
    cast(final.records as bigint) as records,
    {{ rate('final.reported', 'final.expected') }} as rate_reported
from final
left join {{ ref('reporting_reasons') }} as reasons on final.reason = reasons.reason
