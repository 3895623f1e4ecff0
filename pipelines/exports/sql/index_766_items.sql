select
    items.*,
    components.component_name_vi
from {{ schema }}.service_quality_items as items
inner join {{ schema }}.service_quality_index as components
    using (as_of_day, period, unit_code, component)
where
    items.period = '{{ period }}'
    and items.as_of_day = (select max(newest.as_of_day) from {{ schema }}.service_quality_items as newest)
order by items.item_order, items.unit_code
