-- The flows of each period: the days of int_dossier_flow added up, for every kind of period that they lie in.
{%- set counts = [
    'received', 'received_online', 'finished', 'early', 'on_time', 'late', 'finished_without_due', 'withdrawn',
    'resolved', 'resolved_online'
] %}
select
    flow.dated_period as period,
    flow.dated_start as period_start,
    flow.unit_code,
    flow.sector_code,
    {%- for count in counts %}
    cast(sum(flow.{{ count }}) as bigint) as {{ count }},
    {%- endfor %}
    flow.working_days_taken
from {{ dated(ref('int_dossier_flow'), 'event_day') }} as flow
where flow.dated_start is not null
group by flow.dated_period, flow.dated_start, flow.unit_code, flow.sector_code, flow.working_days_taken
