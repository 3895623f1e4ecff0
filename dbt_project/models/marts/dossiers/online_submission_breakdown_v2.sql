-- One number cut six ways. Each dossier counts once in every dimension, so each dimension adds up to the province.
{%- set channels = ['online', 'in_person', 'postal'] %}
with summed as (
    select
        periods.as_of_day,
        periods.period,
        counts.dimension,
        counts.member,
        periods.period_start,
        periods.period_end,
        counts.received,
        counts.online,
        counts.received - counts.online - counts.postal as in_person,
        counts.postal,
        counts.strictly_online,
        counts.late_arrivals
    from {{ ref('int_breakdown_periods') }} as counts
    inner join {{ ref('int_periods') }} as periods
        on counts.period = periods.period and counts.period_start = periods.period_start
),

roles (dimension) as (
    values ('receiving_unit'), ('processing_unit')
),

members as (
    select
        roles.dimension,
        units.unit_code as member,
        units.unit_name as member_name,
        units.unit_level as member_level
    from {{ ref('int_today_units') }} as units
    cross join roles
    union all
    select
        'sector' as dimension,
        sector_code as member,
        sector_name as member_name,
        'all' as member_level
    from {{ ref('int_sectors') }}
    union all
    select
        'procedure' as dimension,
        procedure_code as member,
        procedure_name as member_name,
        'all' as member_level
    from {{ ref('int_procedures') }}
    union all
    select
        'service_level' as dimension,
        service_level as member,
        name_vi as member_name,
        'all' as member_level
    from {{ ref('service_levels') }}
    union all
    select
        'applicant_type' as dimension,
        applicant_type as member,
        name_vi as member_name,
        'all' as member_level
    from {{ ref('applicant_types') }}
),

rated as (
    select
        summed.*,
        coalesce(
            members.member_name, case when summed.member = 'unknown' then 'Không rõ' else summed.member end
        ) as member_name,
        coalesce(
            members.member_level,
            case when summed.dimension in ('receiving_unit', 'processing_unit') then 'unknown' else 'all' end
        ) as member_level,
        {{ rate('summed.online', 'summed.received') }} as rate
    from summed
    left join members on summed.dimension = members.dimension and summed.member = members.member
),

ranked as (
    select
        *,
        cast(
            rank() over (partition by as_of_day, period, dimension, member_level order by rate desc) as integer
        ) as rank_in_dimension,
        cast(count(*) over (partition by as_of_day, period, dimension, member_level) as integer)
            as ranked_in_dimension
    from rated
),

previous as (
    select
        *,
        lag(as_of_day) over so_far as previous_as_of_day,
        lag(rate) over so_far as previous_rate,
        lag(rank_in_dimension) over so_far as previous_rank
    from ranked
    window so_far as (partition by period, dimension, member order by period_start nulls last)
),

-- Only the period just before is compared: a gap is no neighbour.
compared as (
    select
        *,
        case when previous_as_of_day = period_start - 1 then rate - previous_rate end as change_since_period_before,
        case when previous_as_of_day = period_start - 1 then previous_rank - rank_in_dimension end
            as rank_movement_since_period_before
    from previous
)

select
    as_of_day,
    period,
    dimension,
    member,
    member_name,
    member_level,
    period_start,
    period_end,
    online as numerator,
    received as denominator,
    rate,
    strictly_online as strict_numerator,
    {{ rate('strictly_online', 'received') }} as strict_rate,
    in_person,
    postal,
    {%- for channel in channels %}
    {{ percent_of_whole(channel, channels) }} as {{ channel }}_percent,
    {%- endfor %}
    late_arrivals,
    rank_in_dimension,
    ranked_in_dimension,
    change_since_period_before,
    rank_movement_since_period_before
from compared
