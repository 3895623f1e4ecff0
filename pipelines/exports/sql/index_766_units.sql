select units.*
from {{ schema }}.service_quality_index as units
inner join {{ schema }}.service_quality_index as totals
    on
        units.unit_code = totals.unit_code
        and units.period = totals.period
        and units.as_of_day = totals.as_of_day
        and totals.component = 'total'
where
    units.period = '{{ period }}'
    and units.as_of_day = (select max(newest.as_of_day) from {{ schema }}.service_quality_index as newest)
order by
    units.unit_level,
    totals.rank_in_level nulls last,
    totals.unit_name,
    units.unit_code,
    units.component_order
