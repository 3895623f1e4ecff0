select
    month,
    max(period_end) as period_end,
    max(unit_name) as unit_name,
    max(sector_name) as sector_name,
    unit_code,
    sector_code,
    {{ sums | join(", ") }}
from {{ relation }}
group by
    grouping sets (
        (month), (month, sector_code), (month, unit_code), (month, unit_code, sector_code)
    )
order by
    month desc,
    unit_code is not null asc,
    if(unit_code is null, null, list_position(['department', 'commune'], max(unit_level))) asc,
    if(unit_code is null, null, max(unit_name)) collate vi asc,
    unit_code asc,
    sector_code is not null asc,
    max(sector_name) collate vi asc,
    sector_code asc
