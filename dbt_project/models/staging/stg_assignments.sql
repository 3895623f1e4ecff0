-- Who must act: task-force role by sector, unit and category; * stands for any.
select
    member_role,
    sector_code,
    unit_code,
    category
from {{ source('raw', 'assignments') }}
