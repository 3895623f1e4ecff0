{{ config(materialized='view') }}

select
    member_role,
    sector_code,
    unit_code,
    category
from {{ ref('stg_assignments') }}
