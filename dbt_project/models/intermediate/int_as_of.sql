{{ config(materialized='view') }}

select
    as_of,
    as_of_day
from {{ ref('stg_run_parameters') }}
