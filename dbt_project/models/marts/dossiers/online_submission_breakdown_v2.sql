-- One number cut six ways. Each dossier counts once in every dimension, so each dimension adds up to the province.
{%- set dimensions = {
    'receiving_unit': 'receiving_unit_code', 'processing_unit': 'processing_unit_code', 'sector': 'sector_code',
    'procedure': 'procedure_code', 'service_level': 'service_level', 'applicant_type': 'applicant_type'
} %}
{%- set channels = ['online', 'in_person', 'postal'] %}
with dossiers as (
    select
        dossiers.received_day,
        dossiers.receiving_unit_code,
        {%- for column in dimensions.values() if column != 'receiving_unit_code' %}
        coalesce(dossiers.{{ column }}, 'unknown') as {{ column }},
        {%- endfor %}
        dossiers.channel,
        dossiers.is_strictly_online,
        dossiers.is_late_arrival
    from {{ ref('int_dossier_latest') }} as dossiers
    inner join {{ ref('int_as_of') }} as run on dossiers.received_at <= run.as_of
),

daily as (
    {%- for dimension, column in dimensions.items() %}
    select
        received_day,
        '{{ dimension }}' as dimension,
        {{ column }} as member,
        count(*) as received,
        {{ count_if("channel = 'online'") }} as online,
        {{ count_if("channel = 'postal'") }} as postal,
        {{ count_if('is_strictly_online') }} as strictly_online,
        {{ count_if('is_late_arrival') }} as late_arrivals
    from dossiers
    group by received_day, {{ column }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

summed as (
    select
        periods.as_of_day,
        periods.period,
        daily.dimension,
        daily.member,
        periods.period_start,
        periods.period_end,
        cast(sum(daily.received) as bigint) as received,
        cast(sum(daily.online) as bigint) as online,
        cast(sum(daily.received - daily.online - daily.postal) as bigint) as in_person,
        cast(sum(daily.postal) as bigint) as postal,
        cast(sum(daily.strictly_online) as bigint) as strictly_online,
        cast(sum(daily.late_arrivals) as bigint) as late_arrivals
    from {{ dated('daily', 'received_day') }} as daily
    inner join {{ ref('int_periods') }} as periods
        on daily.dated_period = periods.period and daily.dated_start = periods.period_start
    group by
        periods.as_of_day, periods.period, daily.dimension, daily.member, periods.period_start, periods.period_end
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
