-- What was received on each day, cut six ways. Each dossier counts once in every dimension.
{%- set dimensions = {
    'receiving_unit': 'receiving_unit_code', 'processing_unit': 'processing_unit_code', 'sector': 'sector_code',
    'procedure': 'procedure_code', 'service_level': 'service_level', 'applicant_type': 'applicant_type'
} %}
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
)

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
