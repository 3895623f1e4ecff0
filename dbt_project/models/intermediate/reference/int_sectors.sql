-- A sector is named by the catalogue, where that lacks it by the dossiers themselves.
with names as (
    select
        sector_code,
        sector_name,
        1 as preference
    from {{ ref('int_procedures') }}
    union all
    select
        sector_code,
        sector_name,
        2 as preference
    from {{ ref('int_dossier_latest') }}
),

-- Of several spellings the last in the alphabet: any rule would do, but it must be the same every time.
ranked as (
    select
        sector_code,
        sector_name,
        row_number() over (partition by sector_code order by preference asc nulls last, sector_name desc) as choice
    from names
    where sector_code is not null and sector_name is not null
    group by sector_code, sector_name, preference
)

select
    sector_code,
    sector_name
from ranked
where choice = 1
union all
select
    'all' as sector_code,
    'Tất cả lĩnh vực' as sector_name
union all
select
    'unknown' as sector_code,
    'Không rõ lĩnh vực' as sector_name
